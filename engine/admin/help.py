"""The table of commands as people and shells read it: `rfqctl help`, the table of config/README.md, completion."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final

import orjson

from engine.commands.parameters import Param, did_you_mean
from engine.commands.table import TYPED, Command
from engine.errors import ConfigError

FILE_ACCESS: Final = "file access"
COMMON: Final = ("--json", "--socket", "--config", "--color", "--timeout", "--help")
"""Options that every command has."""


def show(given: argparse.Namespace) -> int:
    """`rfqctl help`, `rfqctl help order`, `rfqctl help order cancel`."""
    words = tuple(word for each in given.words for word in each.replace(".", " ").replace("_", "-").split())
    chosen = [command for command in TYPED if command.words[: len(words)] == words]
    if not chosen:
        asked = " ".join(words)
        raise ConfigError(f"help: no command '{asked}'{did_you_mean(asked, map(' '.join, _all_words()))}")
    if given.json:
        print(orjson.dumps([_plain(command) for command in chosen], option=orjson.OPT_INDENT_2).decode())
    elif given.markdown:
        print(markdown(chosen))
    elif len(chosen) == 1:
        print("\n".join(_one(chosen[0])))
    else:
        print("\n".join(_lines(chosen)))
    return 0


def _all_words() -> list[tuple[str, ...]]:
    groups = {command.words[:1] for command in TYPED}
    return sorted({command.words for command in TYPED} | groups)


def _lines(commands: list[Command]) -> list[str]:
    width = max(len(" ".join(command.words)) for command in commands)
    return [f"{' '.join(each.words):<{width}}  {each.role or FILE_ACCESS:<11}  {each.doc}" for each in commands]


def _one(command: Command) -> list[str]:
    params = command.typed_params
    width = max((len(param.usage) for param in params), default=0)
    who = f"role {command.role}" if command.role else "for whoever can read the files; needs no daemon"
    return [
        f"rfqctl {command.usage}",
        "",
        f"{command.doc}; {who}",
        *([""] if params else []),
        *(f"  {param.usage:<{width}}  {param.told}" for param in params),
    ]


def _plain(command: Command) -> dict[str, Any]:
    return {
        "name": command.name,
        "typed": f"rfqctl {command.usage}",
        "role": command.role or None,
        "doc": command.doc,
        "needs_reason": command.needs_reason,
        "params": [
            {
                "name": param.name,
                "typed": param.spelling,
                "is": param.kind.words,
                "required": param.required,
                "default": param.default,
                "doc": param.doc,
            }
            for param in command.typed_params
        ],
    }


def markdown(commands: list[Command] | tuple[Command, ...] = TYPED) -> str:
    """The table of config/README.md."""
    rows = [
        f"| `{command.usage.replace('|', chr(92) + '|')}` | {command.role or FILE_ACCESS} | {command.doc} |"
        for command in commands
    ]
    return "\n".join(["| rfqctl | role | what it does |", "|---|---|---|", *rows])


# --- completion ----------------------------------------------------------------------------------


def completion(given: argparse.Namespace) -> int:
    sys.stdout.write({"bash": bash, "zsh": zsh}[given.shell]())
    return 0


def choices() -> dict[str, list[str]]:
    """What may follow the words typed so far: the next words, or the options and choices of a command."""
    found: dict[str, list[str]] = {"": []}
    for command in TYPED:
        for depth, word in enumerate(command.words):
            before = found.setdefault(" ".join(command.words[:depth]), [])
            if word not in before:
                before.append(word)
        own = [word for param in command.typed_params for word in _offered(param)]
        found[" ".join(command.words)] = [*own, *COMMON]
    return found


def _offered(param: Param) -> tuple[str, ...]:
    return param.flags or param.kind.choices


def bash() -> str:
    """A script for `~/.bashrc`: `source <(rfqctl completion bash)`."""
    cases = "\n".join(f'        "{words}") next="{" ".join(offered)}" ;;' for words, offered in choices().items())
    return f"""\
# Completion of rfqctl for bash: source <(rfqctl completion bash)
_rfqctl_next() {{
    local next=""
    case "$1" in
{cases}
    esac
    printf '%s' "$next"
}}
_rfqctl() {{
    local at words="" found="" word=${{COMP_WORDS[COMP_CWORD]}}
    found=$(_rfqctl_next "")
    for ((at = 1; at < COMP_CWORD; at++)); do
        case " $found " in
            *" ${{COMP_WORDS[at]}} "*)
                if [[ ${{COMP_WORDS[at]}} != -* && -n $(_rfqctl_next "${{words:+$words }}${{COMP_WORDS[at]}}") ]]; then
                    words="${{words:+$words }}${{COMP_WORDS[at]}}"
                    found=$(_rfqctl_next "$words")
                fi ;;
        esac
    done
    COMPREPLY=($(compgen -W "$found" -- "$word"))
    [[ ${{#COMPREPLY[@]}} -eq 0 ]] && COMPREPLY=($(compgen -f -- "$word"))
}}
complete -F _rfqctl rfqctl
"""


def zsh() -> str:
    """A script for `~/.zshrc`: `source <(rfqctl completion zsh)`."""
    cases = "\n".join(f'        "{words}") next="{" ".join(offered)}" ;;' for words, offered in choices().items())
    return f"""\
#compdef rfqctl
# Completion of rfqctl for zsh: source <(rfqctl completion zsh)
_rfqctl_next() {{
    local next=""
    case "$1" in
{cases}
    esac
    print -rn -- "$next"
}}
_rfqctl() {{
    local at typed="" found
    found=$(_rfqctl_next "")
    for ((at = 2; at < CURRENT; at++)); do
        if [[ " $found " == *" ${{words[at]}} "* && ${{words[at]}} != -* ]]; then
            if [[ -n $(_rfqctl_next "${{typed:+$typed }}${{words[at]}}") ]]; then
                typed="${{typed:+$typed }}${{words[at]}}"
                found=$(_rfqctl_next "$typed")
            fi
        fi
    done
    compadd -- ${{(z)found}} || _files
}}
compdef _rfqctl rfqctl
"""
