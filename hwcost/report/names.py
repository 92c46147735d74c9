"""Names that strangers chose, made safe to print: files may hold any text as the name of a layer or tensor."""

from __future__ import annotations

import re

__all__ = ["LONGEST", "code", "escaped", "prose", "quoted", "shortened"]

LONGEST = 48
"""Characters of a name that a report shows."""

_ORDINARY = re.compile(r"[\w ./:,+=()-]+", re.ASCII)
_MARKUP = re.compile(r"""[\\`*{}\[\]<>|~&$]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=www)\.|(?<!\w)[@#](?=\w)""")


def escaped(text: str, keep: str = "") -> str:
    r"""The text with everything that does not print (controls, escapes, changes of direction) written as `\x1b`."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c in keep else repr(c)[1:-1] for c in text)


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text, escaped, with its middle left out where it is longer than a table can hold: both ends of a path tell."""
    clean = escaped(text if len(text) <= 2 * longest else text[:longest] + text[-longest:])
    if len(clean) <= longest:
        return clean
    head = (longest - 3) // 2
    return f"{clean[:head]}...{clean[len(clean) - (longest - 3 - head) :]}"


def quoted(name: str) -> str:
    """A name inside a sentence."""
    return f"'{shortened(name)}'"


def code(name: str) -> str:
    """A name as Markdown code that ends where the name ends, inside a table too."""
    short = shortened(name)
    if _ORDINARY.fullmatch(short) and short == short.strip():
        return f"`{short}`"
    return f"<code>{''.join(c if c.isalnum() else f'&#{ord(c)};' for c in short)}</code>"


def prose(text: str) -> str:
    """A sentence in Markdown, table cells included: what could begin markup or a link is inert, and nobody is mentioned."""
    return _MARKUP.sub(lambda found: f"{found[0]}<!-- -->" if found[0] in "@#" else f"&#{ord(found[0])};", escaped(text))
