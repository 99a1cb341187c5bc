"""Dynamic fields: the personal data of recipients."""

from blocks.mailup.paging import pages
from blocks.mailup.records import DynamicField
from blocks.mailup.session import Session

# A field value is nvarchar(200) at MailUp; what happens to a longer one is not documented.
MAX_VALUE_CHARACTERS = 200


def dynamic_fields(session: Session) -> list[DynamicField]:
    """All dynamic fields of the account, by id. One page holds 20 unless more are asked for."""
    found = pages(session, "/Console/Recipient/DynamicFields", "Id")
    unique = {field.id: field for items in found for field in map(DynamicField.read, items)}
    return [unique[key] for key in sorted(unique)]
