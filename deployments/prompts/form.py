"""Filling in a block at the terminal, field by field, with the descriptions of its form."""

from typing import Annotated, Any, Literal, get_args, get_origin

from prefect.blocks.core import Block
from pydantic import SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from blocks.errors import SyncError
from blocks.sftp_servers import SftpServer
from blocks.transport.sftp.host_keys import parse_host_keys
from blocks.transport.sftp.session import SftpSettings, offered_host_keys
from deployments.prompts import terminal

MANY_LINES = ("private_key", "ca_certificate", "public_keys", "signers")
"""Fields whose value is a key or a certificate in its own lines."""

CLEAR = "-"
"""Typed alone, it empties a field."""


def ask_fields(kind: type[Block], known: dict[str, Any]) -> dict[str, Any]:
    """Ask for every field of a kind of block; `known` are the values that Enter keeps."""
    values = dict(known)
    for name, field in kind.model_fields.items():
        if len(_choices(field)) == 1:
            continue
        terminal.say(f"\n{field.title or name}: {field.description}")
        if kind is SftpServer and name == "host_key" and "host" in values:
            _show_host_keys(values)
        values[name] = _asked(name, field, values)
    return values


def _asked(name: str, field: FieldInfo, known: dict[str, Any]) -> Any:
    """A valid answer to one field: what was typed, what is known, or the default."""
    wanted: Any = Annotated[field.annotation, field]
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    while True:
        given = _many(name, field, known) if name in MANY_LINES else _one(name, field, known)
        if given in (CLEAR, [CLEAR]) and not field.is_required():
            return default
        if not given and (name in known or not field.is_required()):
            return known.get(name, default)
        if not given:
            terminal.say("  This one is needed.")
            continue
        try:
            return TypeAdapter(wanted).validate_python(given)
        except ValidationError as error:
            told = "; ".join(each["msg"] for each in error.errors(include_input=False))
            terminal.say(f"  That is not accepted: {told}.")


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
        "  Whoever stands between could show another one. Compare it with what the server's owner\n"
        "  tells you by other means, such as the output of ssh-keygen -lf on the server's console."
    )
    for key in (each for each in offered if _fingerprint(each) not in pinned):
        if (
            terminal.line(f"  Does the owner confirm {_fingerprint(key)}? yes or no [no]: ")
            == "yes"
        ):
            values["host_key"] = key
            return
    terminal.say("  Otherwise paste what the owner gave you.")


def _fingerprint(key: str) -> str:
    return next(iter(parse_host_keys(key).fingerprints))
