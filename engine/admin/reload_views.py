"""What came of a reload, as people read it."""

from __future__ import annotations

from engine.admin import tls_views
from engine.admin.tables import Paper
from engine.admin.views import Answer, Lines


def reloaded(paper: Paper, answer: Answer) -> Lines:
    changed = answer["changed"]
    what = f"taken up: {', '.join(answer['kinds'])}"
    lines = [paper.styled(what, "green") + f"; changed: {', '.join(changed) if changed else 'no text'}"]
    for key, words in (("sessions_added", "sessions added"), ("sessions_gone", "sessions taken away")):
        if answer.get(key):
            lines.append(f"{words}: {', '.join(answer[key])}")
    lines += [f"{paper.styled('warning', 'yellow')}: {warning}" for warning in answer["warnings"]]
    if answer.get("files"):
        lines += ["", *tls_views.reloaded(paper, answer)]
    return lines


def level(paper: Paper, answer: Answer) -> Lines:
    return [f"the log tells {answer['level']} from now on"]
