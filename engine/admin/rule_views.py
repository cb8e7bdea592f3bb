"""What a rule book would do with one order, and what two say of many: as people read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.admin import advice
from engine.admin.tables import Cell, Column, Paper, grouped, table, wrapped
from engine.admin.views import MODE_WORDS, Answer, Lines

DIFFERS_WORDS: Final[Mapping[str, str]] = {
    "rule": "another rule decides",
    "dealers": "others are asked",
    "number": "more or fewer are asked",
    "how": "they are asked in another way",
    "execution": "another quote is taken, or by another",
    "to_person": "left to a person now",
    "by_itself": "sent by itself now",
    "nobody": "nobody to ask now",
    "somebody": "somebody to ask now",
    "protections": "other protections apply",
}


_NAMED_MAX: Final = 10
"""Orders that are named for one reason."""

# --- one order -------------------------------------------------------------------------------------


def tried(paper: Paper, answer: Answer) -> Lines:
    """What the book would do, rule by rule, and beside it what the present one says."""
    size = grouped(answer["leaves"] if answer["as_of"] == "now" else answer["quantity"])
    what = f"{answer['order']}: {answer['side']} {size} {answer['security']} {answer['name']}"
    lines = [paper.styled(what, "bold")]
    if answer["as_of"] == "now":
        lines.append(f"as things stood at {answer['at']}, the journal's end")
    else:
        lines.append(f"as it was decided at {answer['at']}, round {answer['round']}")
    if answer["everybody_up"]:
        lines.append(paper.styled(_EVERYBODY_UP, "yellow"))
    lines += ["", paper.styled(f"by {answer['book']}", "bold"), *_trace(paper, answer["tried"])]
    lines += ["", *advice.recommendation(paper, answer["tried"])]
    present, new = answer["present"], answer["tried"]
    lines += ["", paper.styled("beside the present book", "bold")]
    if answer["as_of"] == "decided":
        lines[-1] = paper.styled("beside the book that decided", "bold")
    if not answer["differs"]:
        return [*lines, paper.styled("no difference", "green") + f": {in_short(present)}"]
    lines += [f"  {paper.styled('*', 'yellow')} {DIFFERS_WORDS[each]}" for each in answer["differs"]]
    rows = [
        (name, before, Cell(after, "yellow" if before != after else ""))
        for name, before, after in _side_by_side(present, new)
    ]
    return [*lines, *table(paper, (Column(""), Column("present"), Column("tried")), rows), *_moved(paper, present, new)]


def tried_open(paper: Paper, answer: Answer) -> Lines:
    """Of the orders that are with the trader those that the book would treat otherwise."""
    orders, differing = answer["orders"], [each for each in answer["orders"] if each["differs"]]
    lines = [
        paper.styled(f"by {answer['book']}", "bold"),
        f"as things stood at {answer['at']}, the journal's end",
    ]
    if answer["everybody_up"]:
        lines.append(paper.styled(_EVERYBODY_UP, "yellow"))
    words = f"{len(orders):,} orders are with the trader, {len(differing):,} of them it would treat otherwise"
    lines.append(paper.styled(words, "yellow" if differing else "green"))
    for each in differing:
        lines += _both(paper, each, "")
    return lines


_EVERYBODY_UP: Final = "the engine is stopped: as if every dealer were logged on"


def _trace(paper: Paper, said: Answer) -> Lines:
    lines = []
    for entry in said["trace"]:
        fired = " decides: " in entry or " applies: " in entry
        lines += [paper.styled(line, "green" if fired else "dim") for line in wrapped(entry, paper.width, "  ")]
    return lines


def _side_by_side(present: Answer, new: Answer) -> list[tuple[str, str, str]]:
    rows = []
    for name, words in (
        ("rule", lambda each: each["rule"]),
        ("at", lambda each: each["place"]),
        ("asked", lambda each: ", ".join(each["dealers"]) or "nobody"),
        ("how", _how),
        ("send", lambda each: each["sends"]),
        ("execute", lambda each: each["plan"]["execute"] if each["plan"] else ""),
        ("protections", lambda each: ", ".join(each["protections"])),
        ("drawn", lambda each: each["drawn"]),
    ):
        row = (name, words(present), words(new))
        if any(row[1:]):
            rows.append(row)
    return rows


def _moved(paper: Paper, present: Answer, new: Answer) -> Lines:
    """Who is asked by one book alone."""
    before, after = present["dealers"], new["dealers"]
    words = []
    if gone := [name for name in before if name not in after]:
        words.append(f"no longer asked: {', '.join(gone)}")
    if come := [name for name in after if name not in before]:
        words.append(f"asked as well: {', '.join(come)}")
    return [paper.styled(line, "yellow") for each in words for line in wrapped(each, paper.width)]


# --- two books -------------------------------------------------------------------------------------


def compared(paper: Paper, answer: Answer, shown: int, rule: str | None = None) -> Lines:
    """How many differ and how, then the orders with both answers, then what each book did as a whole.

    Of the orders those alone that `rule` takes in either book, if one is named.
    """
    lines = [
        paper.styled(f"old: {answer['old']['book']}", "bold"),
        paper.styled(f"new: {answer['new']['book']}", "bold"),
    ]
    if not answer["rounds"]:
        return [*lines, "no order was decided in this period"]
    lines.append(f"{answer['begin']} to {answer['end']}")
    same = answer["rounds"] - answer["rounds_differing"]
    lines += [
        f"{answer['orders']:,} orders, {answer['rounds']:,} rounds to be asked for",
        f"the same answer     {same:,} rounds",
    ]
    different = f"different answers   {answer['rounds_differing']:,} rounds, of {answer['orders_differing']:,} orders"
    lines.append(paper.styled(different, "yellow" if answer["rounds_differing"] else "green"))
    counts = [(DIFFERS_WORDS[name], f"{count:,}") for name, count in answer["differs"].items() if count]
    if counts:
        lines += [f"  {line}" for line in table(paper, (Column("in what"), Column("rounds", right=True)), counts)]
    if counts:
        columns = (Column("taken by the old book's"), Column("by the new book's"), Column("rounds", right=True))
        moved = [(each["old"], each["new"], f"{each['rounds']:,}") for each in answer["moved"]]
        lines += ["", *(f"  {line}" for line in table(paper, columns, moved))]
    if rule is None:
        lines += _orders(paper, answer["differences"], answer["rounds_differing"], shown)
    else:
        found = [each for each in answer["differences"] if rule in (each["old"]["rule"], each["new"]["rule"])]
        lines += ["", f"of these, rule “{rule}” takes {len(found):,} in one of the books or both"]
        lines += _orders(paper, found, len(found), shown)
    lines += ["", paper.styled("who is asked", "bold"), *_dealers(paper, answer)]
    lines += ["", paper.styled("what each book did", "bold")]
    lines += _did(paper, answer)
    return [*lines, "", *(line for note in notes(answer) for line in wrapped(note, paper.width))]


def _orders(paper: Paper, differences: list[Answer], count: int, shown: int) -> Lines:
    lines: Lines = []
    for each in differences[:shown]:
        lines += [*_both(paper, each, f"  {each['at']}"), *wrapped(traded_then(each), paper.width, "  ")]
    if count > len(differences[:shown]):
        hidden = count - len(differences[:shown])
        lines += ["", f"and {hidden:,} more: --limit N shows more, --json and --html have all of them"]
    return lines


def _both(paper: Paper, each: Answer, when: str) -> Lines:
    """An order, in what the answers differ, and both."""
    round_words = f" round {each['round']}" if each["round"] > 1 else ""
    head = (
        f"{each['order']}{round_words}{when}  {each['side']} {grouped(each['quantity'])} {each['currency']}"
        f" {each['security']} {each['name']}"
    )
    new = wrapped(f"new: {beside(each['old'], each['new'])}", paper.width, "  ")
    return [
        "",
        paper.styled(head, "bold"),
        *wrapped("; ".join(DIFFERS_WORDS[kind] for kind in each["differs"]), paper.width, "  "),
        *wrapped(f"old: {in_short(each['old'])}", paper.width, "  "),
        *(paper.styled(line, "yellow") for line in new),
    ]


def traded_then(difference: Answer) -> str:
    """What became of the round then, by whichever book that was."""
    told = []
    if asked := difference["overridden"]:
        same = [name for name in ("old", "new") if set(difference[name]["dealers"]) == set(asked)]
        told.append(f"a trader asked {', '.join(asked)} instead" + (f", as the {same[0]} book would" if same else ""))
    traded = difference["traded"]
    told.append(f"traded with {', '.join(traded)}" if traded else "no trade")
    for name in ("old", "new"):
        if left := [dealer for dealer in traded if dealer not in difference[name]["dealers"]]:
            told.append(f"the {name} book does not ask {', '.join(left)}")
    return f"then: {'; '.join(told)}"


def _dealers(paper: Paper, answer: Answer) -> Lines:
    columns = (Column("dealer"), Column("old", right=True), Column("new", right=True), Column("change", right=True))
    rows: list[tuple[str, str, str, Cell | str]] = []
    for each in answer["dealers"]:
        change = each["new"] - each["old"]
        rows.append((each["dealer"], f"{each['old']:,}", f"{each['new']:,}", Cell(signed(change), _colour(change))))
    old, new, rounds = answer["old"]["asks"], answer["new"]["asks"], answer["rounds"]
    rows.append(("all", f"{old:,}", f"{new:,}", signed(new - old)))
    rows.append(("a round", f"{old / rounds:.2f}", f"{new / rounds:.2f}", f"{(new - old) / rounds:+.2f}"))
    return table(paper, columns, rows)


def _colour(change: int) -> str:
    return "yellow" if change else "dim"


def signed(change: int) -> str:
    """`+3`, `-1`, `0`."""
    return f"{change:+,}" if change else "0"


def _did(paper: Paper, answer: Answer) -> Lines:
    old, new = answer["old"], answer["new"]
    rows = [row for row in by_rule(answer) if row[1] not in ("", "0") or row[2] not in ("", "0")]
    rows.append(("sent by itself", f"{old['sent_by_itself']:,}", f"{new['sent_by_itself']:,}"))
    if old["nobody"] or new["nobody"]:
        rows.append(("nobody to ask", f"{old['nobody']:,}", f"{new['nobody']:,}"))
    lines = table(paper, (Column(""), Column("old", right=True), Column("new", right=True)), rows)
    for words in never(answer):
        lines += [paper.styled(line, "yellow") for line in wrapped(words, paper.width)]
    return lines


def by_rule(answer: Answer) -> list[tuple[str, str, str]]:
    """Rules, then protections, of both books, and in how many rounds each book has used them; empty: it has it not."""
    rows = []
    for what, kind in (("rules", "rule"), ("protections", "protection")):
        did = [{each[kind]: each["rounds"] for each in answer[name][what]} for name in ("old", "new")]
        for name in dict.fromkeys([*did[0], *did[1]]):
            counts = [f"{each[name]:,}" if name in each else "" for each in did]
            rows.append((f"{'' if kind == 'rule' else 'protect '}“{name}”", counts[0], counts[1]))
    return rows


def never(answer: Answer) -> list[str]:
    """Rules and protections that no order of the period has needed, book by book."""
    found = []
    for what, words in (("never_taken", "rules that took none"), ("never_applied", "protections that never applied")):
        names = [", ".join(f"“{each}”" for each in answer[book][what]) for book in ("old", "new")]
        if names[0] == names[1]:
            found += [f"{words}, in both books: {names[0]}"] if names[0] else []
        else:
            found += [f"{words}, {book}: {each}" for book, each in zip(("old", "new"), names, strict=True) if each]
    return found


def notes(answer: Answer) -> list[str]:
    """What the figures rest on, and what they cannot say."""
    found = [
        f"{answer['as_recorded']:,} of {answer['answered']:,} answers of then come out again as they were recorded"
    ]
    for each in answer["unlike"]:
        found.append(f"not as recorded: {each['order']} at {each['at']}: {each['why']}")
    if answer["unlike"]:
        found.append(
            "an answer does not come out again where the engine has learnt to choose otherwise since, or where it"
            " stood on something that no record keeps: look at those orders with that in mind"
        )
    found += answer["stand_ins"]
    left_out: dict[str, list[str]] = {}
    for each in answer["skipped"]:
        left_out.setdefault(each["why"], []).append(each["order"])
    for why, orders in left_out.items():
        named = list(dict.fromkeys(orders))
        more = f" and {len(named) - _NAMED_MAX:,} more" if len(named) > _NAMED_MAX else ""
        found.append(f"left out: {', '.join(named[:_NAMED_MAX])}{more}: {why}")
    if answer["drawn"]:
        found.append(
            f"in {answer['drawn']:,} rounds something had been drawn: the same is drawn again for both books;"
            " where nothing was, nothing is"
        )
    else:
        found.append("nothing was drawn in these rounds, and nothing is")
    if answer["overridden"]:
        old, new = answer["old"]["as_trader"], answer["new"]["as_trader"]
        found.append(
            f"in {answer['overridden']:,} rounds a trader asked others than the book of then wanted: the old book wants"
            f" just those in {old:,}, the new one in {new:,}"
        )
    if answer["traded"]:
        old, new = answer["old"]["with_traded"], answer["new"]["with_traded"]
        found.append(
            f"{answer['traded']:,} rounds traded then: the old book asks everybody whom they traded with in {old:,},"
            f" the new one in {new:,}. They could trade with those alone who were asked then: this says what is given"
            " up, not what is gained"
        )
    found.append(
        "every round is decided as if those before it had gone as they did: what other dealers would have quoted, and"
        " what would have come of it, no record tells. What another choice would have been worth, where that can be"
        " told: rfqctl backtest"
    )
    return found


# --- an answer -------------------------------------------------------------------------------------


def in_short(said: Answer) -> str:
    """An answer in one sentence."""
    return "; ".join(words for words in _parts(said) if words)


def beside(old: Answer, new: Answer) -> str:
    """The new answer where it differs from the old one, and that the rest is the same."""
    # A rule may stand some lines further down, and is the same.
    before, after = _parts({**old, "place": new["place"]}), _parts(new)
    if old["plan"] is None or new["plan"] is None:
        return in_short(new)
    told = [now or gone for was, now, gone in zip(before, after, _GONE, strict=True) if was != now]
    if len(told) == sum(map(bool, after)):
        return in_short(new)
    return "; ".join([*told, "the rest as in the old book"])


_GONE: Final = ("", "", "", "", "", "under no protection", "nobody drawn in or out")
"""What is said in place of a part that the other answer has."""


def _parts(said: Answer) -> tuple[str, ...]:
    """The rule; whom it asks; how; who sends; who executes; under what; what was drawn. Empty for none."""
    where = f" ({said['place']})" if said["place"] else ""
    plan = said["plan"]
    asks = f"ask {', '.join(said['dealers'])}" if plan else f"nobody can be asked: {said['why_nobody']}"
    return (
        f"rule “{said['rule']}”{where}",
        asks,
        _how(said),
        f"send {said['sends']}" if plan else "",
        f"execute {plan['execute']}" if plan else "",
        "under " + ", ".join(f"“{name}”" for name in said["protections"]) if said["protections"] else "",
        said["drawn"],
    )


def _how(said: Answer) -> str:
    plan = said["plan"]
    if plan is None:
        return ""
    words = [MODE_WORDS[plan["mode"]]]
    if plan["stagger_s"]:
        words.append(f"{plan['stagger_s']:g} s apart")
    words.append(f"wait {plan['wait_s']:g} s")
    if plan["accept"]:
        words.append(f"accept {plan['accept']}")
    return ", ".join(words)
