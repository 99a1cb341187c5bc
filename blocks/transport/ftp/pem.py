"""PEM texts as people paste them: a form field of one line takes the line breaks away."""

import re

BLOCK = re.compile(r"(-----BEGIN [A-Z0-9 ]+-----)([A-Za-z0-9+/=\s]+)(-----END [A-Z0-9 ]+-----)")
LINE_CHARACTERS = 64  # RFC 7468


def rewrapped(text: str) -> str:
    """The text with every PEM block broken into lines again; what is no plain block stays."""
    return BLOCK.sub(_wrapped, text.strip()) + "\n"


def _wrapped(block: re.Match[str]) -> str:
    body = "".join(block[2].split())
    lines = [body[at : at + LINE_CHARACTERS] for at in range(0, len(body), LINE_CHARACTERS)]
    return "\n".join([block[1], *lines, block[3], ""])
