"""Dynamic fields: the personal data of recipients."""

from itertools import chain

from blocks.mailup.http.session import Session
from blocks.mailup.pages.paging import pages
from blocks.mailup.resources.models import DynamicField

# A field value is nvarchar(200) at MailUp; what happens to a longer one is not documented.
MAX_VALUE_CHARACTERS = 200


def dynamic_fields(session: Session) -> list[DynamicField]:
    """All dynamic fields of the account, by id. One page holds 20 unless more are asked for."""
    path = "/Console/Recipient/DynamicFields"
    found = chain.from_iterable(pages(session, path, "Id"))
    unique = {each.id: each for each in (DynamicField.read(item, f"GET {path}") for item in found)}
    return [unique[key] for key in sorted(unique)]
