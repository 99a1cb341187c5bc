"""Filling in a block at the terminal: the fields that need an answer, then, if wanted, the rest."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from prefect.blocks.core import Block
from pydantic import SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from blocks.errors import ConfigurationError, SyncError
from blocks.sftp_servers import SftpServer
from blocks.transport.sftp.host_keys import parse_host_keys
from blocks.transport.sftp.session import SftpSettings, offered_host_keys
from deployments.prompts import terminal

NEED_AN_ANSWER = ("port", "password", "private_key", "passphrase", "host_key", "url", "storage")
"""Fields that are asked for although they have a default; of all others the default is usual."""

MANY_LINES = ("private_key", "ca_certificate", "public_keys", "signers")
"""Fields whose value is a key or a certificate in its own lines."""

CLEAR = "-"
"""Typed alone, it empties a field."""


def ask_fields(kind: type[Block], known: dict[str, Any]) -> dict[str, Any]:
    """Ask for the fields of a kind of block; `known` are the values that Enter keeps."""
    values = dict(known)
    first, later = _in_two(kind)
    _ask_each(kind, first, values)
    others = f"\nOther settings have defaults: {', '.join(later)}. Change any of them?"
    if later and terminal.confirm(others):
        _ask_each(kind, later, values)
    return values


def _in_two(kind: type[Block]) -> tuple[list[str], list[str]]:
    """Names of the fields that need an answer, and of those whose default is usual."""
    names = [name for name, field in kind.model_fields.items() if len(_choices(field)) != 1]
    first = [
        name for name in names if name in NEED_AN_ANSWER or kind.model_fields[name].is_required()
    ]
    return first, [name for name in names if name not in first]


def _ask_each(kind: type[Block], names: Sequence[str], values: dict[str, Any]) -> None:
    for name in names:
        if name == "passphrase" and not values.get("private_key"):
            continue
        field = kind.model_fields[name]
        terminal.say(f"\n{field.title or name}: {field.description}")
        if kind is SftpServer and name == "host_key":
            _show_host_keys(values)
        values[name] = _asked(kind, name, values)


def _asked(kind: type[Block], name: str, known: dict[str, Any]) -> Any:
    """A valid answer to one field: what was typed, what is known, or the default."""
    field = kind.model_fields[name]
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    while True:
        given = _many(name, field, known) if name in MANY_LINES else _one(name, field, known)
        if given in (CLEAR, [CLEAR]) and not field.is_required():
            return default
        if not given and (name in known or not field.is_required()):
            value = known.get(name, default)
            wrong = _wrong_key(kind, name, value, known)
        else:
            value, wrong = _checked(kind, name, given, known)
        if not wrong:
            return value
        terminal.say(f"  That is not accepted: {wrong}.")


def _checked(kind: type[Block], name: str, given: Any, known: dict[str, Any]) -> tuple[Any, str]:
    """What was typed as a value of the field, and what is wrong with it."""
    if not given:
        return None, "it is needed"
    field = kind.model_fields[name]
    wanted: Any = Annotated[field.annotation, field]
    try:
        value = TypeAdapter(wanted).validate_python(given)
    except ValidationError as error:
        return None, _sentences(error.errors(include_input=False))
    try:
        kind(**{**known, name: value})
    except ConfigurationError:
        pass  # what is missing beside it is asked for next
    except ValidationError as error:
        # The block's own validators, as far as they are about this field: others may be missing.
        faults = error.errors(include_input=False)
        own = [each for each in faults if each["loc"][:1] == (name,)]
        if own:
            return None, _sentences(own)
    return value, _wrong_key(kind, name, value, known)


def _sentences(faults: Sequence[ErrorDetails]) -> str:
    return "; ".join(each["msg"].removeprefix("Value error, ").rstrip(".") for each in faults)


def _wrong_key(kind: type[Block], name: str, value: Any, known: dict[str, Any]) -> str:
    """What is wrong with a host key, which is needed as long as it is verified."""
    if kind is not SftpServer or name != "host_key" or known.get("verify_host_key") is False:
        return ""
    try:
        parse_host_keys(value or "")
    except ConfigurationError as error:
        return str(error).rstrip(".")
    return ""


def _one(name: str, field: FieldInfo, known: dict[str, Any]) -> str:
    prompt = f"  {name} [{_shown(name, field, known)}]: "
    return terminal.secret(prompt) if _is_secret(field) else terminal.line(prompt)


def _many(name: str, field: FieldInfo, known: dict[str, Any]) -> str | list[str]:
    """A key as text, or several of them where the field takes a list."""
    kept = ", and alone keeps what is there" if known.get(name) else ""
    hint = f"  {name}: paste it, it is not shown; an empty line ends it{kept}."
    if get_origin(field.annotation) is not list:
        return terminal.pasted(hint)
    return list(iter(lambda: terminal.pasted(hint), ""))


def _shown(name: str, field: FieldInfo, known: dict[str, Any]) -> str:
    """What Enter gives, for the prompt; never a secret."""
    if name in known and known[name] not in (None, ""):
        return "kept as it is" if _is_secret(field) else str(known[name])
    if field.is_required():
        return "needed"
    default = field.get_default(call_default_factory=True)
    if isinstance(default, SecretStr):
        default = default.get_secret_value()  # a default of the code is no secret
    choices = f"one of {', '.join(_choices(field))}; " if _choices(field) else ""
    return f"{choices}{'none' if default in (None, '') else default}"


def _is_secret(field: FieldInfo) -> bool:
    return field.annotation is SecretStr or SecretStr in get_args(field.annotation)


def _choices(field: FieldInfo) -> tuple[str, ...]:
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def _show_host_keys(values: dict[str, Any]) -> None:
    """Fetch the server's keys and offer one, on an explicit yes, as what Enter gives."""
    settings = SftpSettings(values["host"], values.get("port", 22), values.get("username", ""))
    try:
        offered = offered_host_keys(settings)
    except SyncError as error:
        terminal.say(f"  It could not be fetched: {error}")
        return
    terminal.say(f"  {settings.address} shows at this moment:")
    pinned = parse_host_keys(values["host_key"]).fingerprints if values.get("host_key") else ()
    for key in offered:
        shown = _fingerprint(key)
        terminal.say(f"    {key.split()[0]} {shown}{' (pinned)' if shown in pinned else ''}")
    terminal.say(
        "  Somebody between you and the server could show another one. Compare it with what the\n"
        "  server's owner tells you by other means, such as the output of ssh-keygen -lf on the\n"
        "  server's console."
    )
    for key in (each for each in offered if _fingerprint(each) not in pinned):
        if terminal.confirm(f"  Does the owner confirm {_fingerprint(key)}?"):
            values["host_key"] = key
            return
    if not pinned:
        terminal.say("  Then paste what the owner gave you, or end this with Ctrl-C.")


def _fingerprint(key: str) -> str:
    return next(iter(parse_host_keys(key).fingerprints))
