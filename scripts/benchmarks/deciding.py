"""One decision of a rule book of fifty rules, beside the same conditions as plain Python closures.

Both read each field of the order once.
"""

from __future__ import annotations

from benchmarks import house
from benchmarks.measuring import Effort, Line, alternate
from engine.desk.fields import OrderSubject


def measure(effort: Effort) -> list[Line]:
    desk = house.desk(50)
    order = house.order()
    security = desk.securities[order.terms.security_id]
    mark = house.draft(desk).mark_of(security.security_id)
    subject = OrderSubject(desk, order.terms, security, order.terms.quantity, house.NOW_NS, mark, lambda currency: None)
    rules = [(f"house rule {number}", written.plain) for number, written in enumerate(house.conditions(), 1)]
    rules.append(("everything else", lambda order: True))

    def plain() -> str:
        order = house.known(subject)
        return next(name for name, applies in rules if applies(order))

    assert plain() == desk.book.decide(subject).rule.name == "everything else"
    found = alternate({"ours": lambda: desk.book.decide(subject), "plain": plain}, effort)
    return [Line(f"one decision of {house.RULES} rules", "us", found["ours"], "plain closures", found["plain"], 2.0)]
