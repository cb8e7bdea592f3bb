"""The small bugs there are: cosmic-ray's operators, without those that only make noise, and two of our own.

Of the 130 ways cosmic-ray has to replace one binary operator by another, most raise a TypeError that any test notices;
a few that look like slips are taken. `==` against `is` is left out: between enumerations it changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import parso
from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.plugins import get_operator

Position = tuple[tuple[int, int], tuple[int, int]]

_BINARY: Final = {
    "Add": ("Sub",),
    "Sub": ("Add",),
    "Mul": ("Div",),
    "Div": ("Mul",),
    "FloorDiv": ("Mul", "Mod"),
    "Mod": ("FloorDiv",),
    "Pow": ("Mul",),
    "LShift": ("RShift",),
    "RShift": ("LShift",),
    "BitOr": ("BitAnd",),
    "BitAnd": ("BitOr",),
    "BitXor": ("BitAnd",),
}
_COMPARISON: Final = {
    "Eq": ("NotEq",),
    "NotEq": ("Eq",),
    "Lt": ("LtE", "GtE"),
    "LtE": ("Lt", "Gt"),
    "Gt": ("GtE", "LtE"),
    "GtE": ("Gt", "Lt"),
    "Is": ("IsNot",),
    "IsNot": ("Is",),
}
_OTHERS: Final = (
    "AddNot",
    "ExceptionReplacer",
    "NumberReplacer",
    "ReplaceAndWithOr",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ReplaceFalseWithTrue",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_USub",
    "ZeroIterationForLoop",
)


class DropStatement(Operator):
    """Leaves out a call that is made for its effect, an augmented assignment, or one to an attribute or an item."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        if node.parent is not None and node.parent.type == "simple_stmt" and _has_effect(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        return parso.parse(node.get_first_leaf().prefix + "pass")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return tuple(Example(f"{each}\n", "pass\n") for each in ("x.append(1)", "x += 1", "x.y = 1", "x[0] = 1"))


class SwapMembership(Operator):
    """`in` becomes `not in`, and the other way round."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        if node.type == "comparison":
            for operator in node.children[1::2]:
                if _words(operator) in ("in", "not in"):
                    yield operator.start_pos, operator.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        places = [i for i in range(1, len(node.children), 2) if _words(node.children[i]) in ("in", "not in")]
        swapped = " in" if _words(node.children[places[index]]) == "not in" else " not in"
        node.children[places[index]] = parso.parse(swapped)
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("x in y", "x not in y"), Example("x not in y", "x in y"))


_TAKEN: Final = (
    *(f"ReplaceBinaryOperator_{one}_{other}" for one, others in _BINARY.items() for other in others),
    *(f"ReplaceComparisonOperator_{one}_{other}" for one, others in _COMPARISON.items() for other in others),
    *_OTHERS,
)
OPERATORS: Final[dict[str, Operator]] = {name: get_operator(f"core/{name}")() for name in _TAKEN} | {
    each.__name__: each() for each in (DropStatement, SwapMembership)
}

NODE_TYPES: Final = frozenset(
    {
        *("operator", "keyword", "number", "comparison", "factor", "not_test", "test"),
        *("if_stmt", "while_stmt", "for_stmt", "except_clause", "assert_stmt", "expr_stmt", "atom_expr", "power"),
    }
)
"""What one of the operators may look at: to ask each about every comma takes a minute."""


def _has_effect(node: Any) -> bool:
    if node.type in ("atom_expr", "power"):
        last = node.children[-1]
        return bool(last.type == "trailer" and last.children[0].value == "(")
    if node.type != "expr_stmt" or node.children[1].type != "operator":
        return False
    return bool(node.children[1].value != "=" or node.children[0].type in ("atom_expr", "power"))


def _words(node: Any) -> str:
    return " ".join(node.get_code().split())
