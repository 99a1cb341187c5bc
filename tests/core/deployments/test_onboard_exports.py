"""Exports of shops, CRM systems and address books are imported by what onboarding writes."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from deployments.onboard import Onboarded, onboard
from deployments.onboarding.request import OnboardRequest
from tasks.records.agreement import ImportAgreement
from tasks.records.consent.grounds import check_grounds
from tasks.records.read_file import read_file
from tasks.records.reading.unpack import unpack
from tasks.records.stages import AccountFacts
from tests.real_world.cases import FOLDER

EXPORTS = FOLDER / "exports"
TODAY = date(2026, 5, 15)
MOST_QUESTIONS = 5
STATED = "all:2026-01-31:Anna Rossi"
EVERYBODY = {"consent": [f"email={STATED}"]}
BOTH = {"consent": [f"email={STATED}", f"sms={STATED}"]}
NO_SMS = "sms=none"


def _by_column(name: str, consent: tuple[str, ...] = (), **values: str) -> dict[str, Any]:
    """The answer that a column says who agreed, by the meanings of its values."""
    return {
        "consent": [f"email=column:{name}", *consent],
        "status": [f"{value.strip('_')}={meaning}" for value, meaning in values.items()],
    }


ANSWERS: dict[str, dict[str, Any]] = {
    "brevo.csv": _by_column("OPT_IN", (NO_SMS,), Yes="subscribed", No="leave_out"),
    "google_contacts.csv": {
        **EVERYBODY, "column": ["Phone 1 - Value=", "Labels=group::::"], "create_groups": True,
    },
    "klaviyo.csv": _by_column(
        "Email Marketing Consent", (NO_SMS,),
        SUBSCRIBED="subscribed", UNSUBSCRIBED="unsubscribed", NEVER_SUBSCRIBED="leave_out",
    ),
    "magento_grid.csv": {**EVERYBODY, "column": ["Group=", "Phone="]},
    "magento_main.csv": {**EVERYBODY, "column": ["group_id="]},
    "magento_subscribers.csv": _by_column(
        "Status", Subscribed="subscribed", Unsubscribed="unsubscribed", Unconfirmed="leave_out",
        **{"Not Activated": "leave_out"},
    ),
    "mailchimp_subscribed.csv": {**BOTH, "column": ["TAGS=group:,"], "create_groups": True},
    "mailchimp_export.zip": {**BOTH, "member": "subscribed*", "column": ["TAGS="]},
    "outlook.csv": {**BOTH, "encoding": "cp1252", "column": ["Categories="]},
    "prestashop16.csv": _by_column("News.", _1="subscribed", _0="unsubscribed"),
    "prestashop8_it.csv": {
        **_by_column("Newsletter", _1="subscribed", _0="unsubscribed"), "column": ["Gruppo="],
    },
    "shopify.csv": {
        **_by_column("Accepts Email Marketing", (NO_SMS,), yes="subscribed", no="leave_out"),
        "column": ["Tags=group:,"], "create_groups": True,
    },
    "hubspot.csv": {
        "consent": [f"email={STATED}", "email=column:Unsubscribed from all email", f"sms={STATED}"],
        "status": ["Yes=unsubscribed", "No=subscribed", "=subscribed"],
    },
    "salesforce_report.csv": {
        "consent": [f"email={STATED}", "email=column:Email Opt Out", f"sms={STATED}"],
        "status": ["1=unsubscribed", "0=subscribed"],
        "encoding": "cp1252", "final_newline": "any",
    },
    "woocommerce.csv": EVERYBODY,
    "woocommerce_users.csv": {
        **_by_column("mailchimp_woocommerce_is_subscribed", _1="subscribed", _0="unsubscribed"),
        "column": ["billing_phone="],
    },
}  # fmt: skip
"""The options of the command, by export."""


def _onboarded(folder: Path, name: str, **answers: Any) -> tuple[Onboarded, ImportAgreement]:
    made = onboard(OnboardRequest("acme", EXPORTS / name, list_id=1, into=folder, **answers))
    entries = yaml.safe_load((folder / "acme.yaml").read_text(encoding="utf-8"))["deployments"]
    return made, ImportAgreement.model_validate(entries[1]["parameters"]["agreement"])


@pytest.mark.parametrize("name", ANSWERS)
def test_an_export_is_imported_once_a_few_questions_are_answered(tmp_path: Path, name: str) -> None:
    """At most five questions; those who come through are the people who are expected to."""
    needed = {key: ANSWERS[name][key] for key in ("encoding", "member") if key in ANSWERS[name]}
    made, _ = _onboarded(tmp_path, name, **needed)
    assert 1 <= len(made.questions) + len(needed) <= MOST_QUESTIONS
    made, agreed = _onboarded(tmp_path, name, **ANSWERS[name], force=True)
    assert made.questions == ()
    check_grounds(agreed.consent, agreed.mapping, TODAY)
    path = unpack(EXPORTS / name, tmp_path, agreed.unpacking)
    facts = AccountFacts(
        fields={n: each.field for n, each in enumerate(agreed.mapping.of("field"), start=1)}
    )
    read = read_file(path, agreed, facts, tmp_path / "read", batch_size=10, today=TODAY)
    people = pl.concat([batch.records() for batch in read.batches], how="diagonal")
    out = people.filter(pl.col("import_type") == "optout")["email"].to_list()
    sent = people.filter(pl.col("import_type") != "optout")["email"].to_list()
    expected = json.loads((EXPORTS / "cases.json").read_text(encoding="utf-8"))[name]["expected"]
    assert sorted({*sent}) == sorted(expected["sent"])
    assert read.counts.submitted == len(expected["sent"]) + len(out)
    assert sorted(out) == expected.get("unsubscribed", [])


@pytest.mark.parametrize("name", [each for each in ANSWERS if "encoding" not in ANSWERS[each]])
def test_nobody_is_sent_until_it_is_answered_who_agreed(tmp_path: Path, name: str) -> None:
    """Whatever a column is called and holds: the file that is written sends nothing."""
    member = ANSWERS[name].get("member", "")
    made, agreed = _onboarded(tmp_path, name, member=member)
    assert any("who agreed to e-mail" in each for each in made.questions)
    assert agreed.consent.basis.email.ground == "unknown"


def test_passwords_tokens_and_identifiers_are_never_proposed(tmp_path: Path) -> None:
    """Not even behind a comment, to be taken by one keystroke."""
    _onboarded(tmp_path, "magento_main.csv")
    text = (tmp_path / "acme.yaml").read_text(encoding="utf-8")
    offered = [line for line in text.splitlines() if "column:" in line]
    for secret in ("password", "password_hash", "rp_token", "website_id", "store_id"):
        assert not [line for line in offered if f"column: {secret}," in line]
