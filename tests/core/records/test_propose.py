"""Promises of the proposal: what is sure is used, what is not is asked, nothing is guessed."""

from pathlib import Path

import pytest

from blocks.errors import ConfigurationError, FileHeld
from tasks.records.mapping.basis import ConsentMeaning
from tasks.records.onboarding.consent_columns import ConsentAnswer
from tasks.records.onboarding.file_format import Given
from tasks.records.onboarding.propose import Answers, Proposal, propose

SAMPLES = Path(__file__).resolve().parents[2] / "cases" / "samples"
BIRTH = {"target": "field", "field": "data di nascita", "date_out": "%Y-%m-%d"}

FORMS = {
    "italian.csv": ("cp1252", ";", '"', True),
    "english.csv": ("utf-8", ",", '"', True),
    "lists.tsv": ("utf-8", "tab", '"', True),
    "headerless.txt": ("auto", "|", '"', False),
    "ambiguous.csv": ("auto", ",", '"', True),
    "apostrophes.csv": ("utf-8", ",", "'", True),
    "field_numbers.csv": ("utf-8", ";", '"', True),
    "german.csv": ("cp1252", ";", '"', True),
    "excel_unicode.txt": ("utf-16", "tab", '"', True),
}
USED = {
    "italian.csv": ["email", "field nome", "field cognome", "prefix", "mobile",
                    "field data di nascita", "field città", "-", "-"],
    "english.csv": ["field nome", "field cognome", "email", "mobile", "field data di nascita",
                    "-", "-"],
    "lists.tsv": ["email", "list", "-", "-", "-"],
    "headerless.txt": ["mobile", "email", "-", "-"],
    "ambiguous.csv": ["-", "email", "mobile", "-"],
    "apostrophes.csv": ["email", "field azienda", "mobile"],
    "field_numbers.csv": ["field 1", "field 2", "email", "prefix", "mobile"],
    "german.csv": ["email", "field nome", "field cognome", "mobile", "field data di nascita", "-"],
    "excel_unicode.txt": ["field nome", "email", "mobile", "-"],
    "two_addresses.csv": ["email", "-", "field nome"],
}  # fmt: skip


def proposed(name: str, **answers: object) -> Proposal:
    """The proposal for a sample; records go to list 1 unless its own column says where."""
    chosen: dict[str, object] = {} if name == "lists.tsv" else {"list_id": 1}
    if FORMS.get(name, ("",))[0] == "cp1252":
        chosen["form"] = Given(encoding="cp1252")
    return propose(SAMPLES / name, Answers(**{**chosen, **answers}))  # type: ignore[arg-type]


def asked(proposal: Proposal, column: str) -> str:
    """What has to be decided about a column."""
    return next(each.ask for each in proposal.columns if each.column == column)


def written(path: Path, *lines: str) -> Path:
    """A sample with these lines."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", FORMS)
def test_the_form_of_a_sample_is_found(name: str) -> None:
    """Encoding, separator, quote and header are those with which the file was written."""
    found = {each.name: each.value for each in proposed(name).form.settings}
    keys = ("encoding", "separator", "quote", "header")
    assert tuple(found[key] for key in keys) == FORMS[name]


@pytest.mark.parametrize("name", USED)
def test_columns_that_are_sure_are_used_and_others_are_told(name: str) -> None:
    """Each column is mapped as its names and cells say, or is left out with a reason."""
    proposal = proposed(name)
    found = [
        f"{each.target} {each.settings.get('field', '')}".strip() if each.used else "-"
        for each in proposal.columns
    ]
    assert found == USED[name]
    assert all(each.used or each.ask or each.why for each in proposal.columns)
    assert proposal.mapping.columns


@pytest.mark.parametrize(
    ("name", "column", "date_in"),
    [
        ("italian.csv", "Data di nascita", "%d/%m/%Y"),
        ("english.csv", "Birthday", "%m/%d/%Y"),
        ("german.csv", "Geburtsdatum", "%d.%m.%Y"),
    ],
)
def test_the_format_of_dates_is_the_only_one_that_reads_them(
    name: str, column: str, date_in: str
) -> None:
    """Days beyond the twelfth distinguish 31/12 from 12/31."""
    found = next(each for each in proposed(name).columns if each.column == column)
    assert {**found.settings, "unreadable": "blank"} == {
        **BIRTH, "date_in": date_in, "unreadable": "blank",
    }  # fmt: skip


def test_dates_that_read_both_ways_are_asked_about() -> None:
    """03/04 is a day in March or in April, and only the client knows which."""
    assert "%d/%m/%Y or %m/%d/%Y" in asked(proposed("ambiguous.csv"), "nascita")


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("english.csv", "optout"),
        ("italian.csv", "Iscritto"),
        ("german.csv", "Newsletter"),
        ("excel_unicode.txt", "Consenso marketing"),
    ],
)
def test_yes_and_no_are_never_taken_for_consent(name: str, column: str) -> None:
    """Whatever the column is called: 1 in optout means subscribed in MailUp's own manual."""
    proposal = proposed(name)
    (question,) = (each for each in proposal.questions if each.channel == "email")
    assert f"{column} (" in question.text
    assert column not in [each.column for each in proposal.mapping.columns]


def test_a_status_said_in_words_is_asked_about_too() -> None:
    """Whether the client's word is MailUp's is for the client to say; the list is in its column."""
    proposal = proposed("lists.tsv")
    assert [each.channel for each in proposal.questions if each.channel] == ["email"]
    assert proposal.mapping.lists == [4, 7, 9]


def test_one_question_names_every_column_that_may_say_who_agreed(tmp_path: Path) -> None:
    """With its values and their number, blanks too; of other columns the number of texts alone."""
    rows = [
        f"a{n}@example.org;{'x' if n % 3 else ''};{'Roma' if n % 2 else 'Bari'}" for n in range(9)
    ]
    path = written(tmp_path / "s.csv", "email;Do not email;sede", *rows)
    (question,) = propose(path, Answers(list_id=1)).questions
    assert "Do not email (6 x 'x', 3 blank)" in question.text
    assert "sede (2 different texts, 0 blank)" in question.text


def test_a_question_about_consent_is_answered_by_the_meaning_of_each_value(tmp_path: Path) -> None:
    """A value without a meaning keeps it open; a third meaning leaves people out."""
    rows = [f"a{n}@example.org;{('yes', 'no', 'never')[n % 3]}" for n in range(9)]
    path = written(tmp_path / "s.csv", "email;news", *rows)
    values: dict[str, ConsentMeaning] = {"Yes": "subscribed", "no": "unsubscribed"}
    answer = ConsentAnswer("column", "news", values)
    (question,) = propose(path, Answers(list_id=1, consent={"email": answer})).questions
    assert question.text.endswith("Open: 'never' (3 x)")
    answer = ConsentAnswer("column", "news", {**values, "never": "leave_out"})
    assert propose(path, Answers(list_id=1, consent={"email": answer})).questions == ()


def test_whoever_nobody_agreed_for_is_left_out() -> None:
    """Without consent to SMS the numbers are not sent, and nothing is asked about them."""
    proposal = proposed("english.csv", consent={"sms": ConsentAnswer("none")})
    assert not proposal.mapping.of("mobile")
    assert [each.channel for each in proposal.questions if each.channel] == ["email"]


def test_texts_that_mean_nothing_are_proposed_where_the_sample_has_them(tmp_path: Path) -> None:
    """NULL and zero dates are empty cells, so that a column is seen for what it is."""
    rows = [f"a{n}@example.org;{'0000-00-00' if n % 3 else '1980-02-21'};NULL" for n in range(9)]
    path = written(tmp_path / "s.csv", "email;nascita;nome", *rows)
    mapping = propose(path, Answers(list_id=1)).mapping
    assert mapping.blank_texts == ["0000-00-00"]
    assert [each.column for each in mapping.columns] == ["email", "nascita"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("courriel;prénom;portable", ["email", "nome", "mobile"]),
        ("correo electrónico;nombre;móvil", ["email", "nome", "mobile"]),
        ("E-mailadres;voornaam;mobiel", ["email", "nome", "mobile"]),
        ("e-mail;imię;telefon komórkowy", ["email", "nome", "mobile"]),
        ("e-post;förnamn;mobil", ["email", "nome", "mobile"]),
        ("e-mail;fornavn;mobilnummer", ["email", "nome", "mobile"]),
        ("e-mail;jméno;mobilní telefon", ["email", "nome", "mobile"]),
        ("email;primeiro nome;telemóvel", ["email", "nome", "mobile"]),
    ],
)
def test_names_are_known_in_the_languages_of_the_large_markets(
    tmp_path: Path, header: str, expected: list[str]
) -> None:
    """Whatever accents they have."""
    rows = [f"a{n}@example.org;Ada;+39347123456{n}" for n in range(9)]
    path = written(tmp_path / "s.csv", header, *rows)
    used = propose(path, Answers(list_id=1)).mapping.columns
    assert [each.field or each.target for each in used] == expected


@pytest.mark.parametrize("column", ["group_id", "Gruppo", "Groupe", "grupa"])
def test_groups_are_asked_about(tmp_path: Path, column: str) -> None:
    """A shop's own groups and ids are not MailUp's."""
    rows = [f"a{n}@example.org;{n % 3}" for n in range(9)]
    path = written(tmp_path / "s.csv", f"email;{column}", *rows)
    first = propose(path, Answers(list_id=1))
    assert not first.mapping.of("group") and "groups of the MailUp list" in asked(first, column)
    chosen = propose(path, Answers(list_id=1, columns={column: {"target": "group"}}))
    assert [each.setting for each in chosen.questions if each.setting] == ["create_groups"]


def test_several_groups_in_a_cell_are_offered_with_their_sign(tmp_path: Path) -> None:
    """As shops write their tags."""
    rows = [f'a{n}@example.org;"VIP, newsletter"' for n in range(9)]
    path = written(tmp_path / "s.csv", "email;Tags", *rows)
    (question, _) = propose(path, Answers(list_id=1)).questions
    assert "--column 'Tags=group:,'" in str(question)


def test_local_numbers_belong_to_the_only_country_that_they_fit() -> None:
    """German mobile numbers without prefix are not taken for Italian ones."""
    assert proposed("german.csv").mapping.default_region == "DE"
    assert proposed("apostrophes.csv").mapping.default_region == "IT"


def test_numbers_that_fit_several_countries_are_asked_about(tmp_path: Path) -> None:
    """A wrong country would send somebody else's SMS."""
    rows = [f"a{n}@example.org,06 1234567{n}" for n in range(10)]
    path = written(tmp_path / "s.csv", "email,mobile", *rows)
    open_question = propose(path, Answers(list_id=1))
    assert not open_question.mapping.of("mobile")
    assert asked(open_question, "mobile")
    rows = [f"a{n}@example.org,7400 12345{n}" for n in range(10)]
    path = written(tmp_path / "t.csv", "email,mobile", *rows)
    assert propose(path, Answers(list_id=1, region="GB")).mapping.of("mobile")


def test_numbers_in_two_columns_keep_their_prefix() -> None:
    """MailUp's own convention, 222 and 333, is read with one beside the other."""
    mapping = proposed("field_numbers.csv").mapping
    assert [column.target for column in mapping.columns[-2:]] == ["prefix", "mobile"]


def test_a_second_address_is_not_taken_instead_of_the_first() -> None:
    """Of two columns with addresses the one that is called so is used; the other is left out."""
    proposal = proposed("two_addresses.csv")
    other = next(each for each in proposal.left_out if each.column == "email alternativa")
    assert "another column is more likely" in other.why


def test_two_columns_as_likely_are_both_asked_about(tmp_path: Path) -> None:
    """Nobody tosses a coin for the key."""
    rows = [f"a{n}@example.org;b{n}@example.org" for n in range(5)]
    path = written(tmp_path / "s.csv", "email;mail", *rows)
    with pytest.raises(ConfigurationError, match="certainly an e-mail address"):
        propose(path, Answers(list_id=1))
    decided = propose(path, Answers(list_id=1, columns={"mail": {"target": "email"}}))
    assert [column.column for column in decided.mapping.of("email")] == ["mail"]


def test_a_sample_without_key_or_list_is_refused_with_the_remedy() -> None:
    """No file is written that could not run."""
    with pytest.raises(ConfigurationError, match="--column NAME=email"):
        proposed("nobody.csv")
    with pytest.raises(ConfigurationError, match="--list"):
        proposed("ambiguous.csv", list_id=0)


def test_a_first_line_that_says_nothing_is_asked_about() -> None:
    """A header is not guessed; answered, the contents of the columns are enough."""
    with pytest.raises(FileHeld, match="--header or --no-header"):
        proposed("unnamed.csv")
    proposal = proposed("unnamed.csv", form=Given(header=True))
    assert [each.target for each in proposal.columns if each.used] == ["mobile", "email"]


def test_somebodys_data_never_become_names_of_columns() -> None:
    """A header that is not one would be printed and written into the client's file."""
    with pytest.raises(FileHeld, match="--no-header") as held:
        proposed("headerless.txt", form=Given(header=True))
    assert "example.net" not in str(held.value)


def test_a_wrong_name_in_an_answer_is_reported() -> None:
    """A mistyped column is not passed over."""
    with pytest.raises(ConfigurationError, match="no column 'Cell'"):
        proposed("italian.csv", columns={"Cell": {"target": "mobile"}})


def test_landlines_among_the_numbers_make_the_column_a_question(tmp_path: Path) -> None:
    """A column called telefono that is half landlines is not sent as mobile numbers."""
    rows = [
        f"a{n}@example.org;{'02 1234567' if n % 2 else '347 123456'}{n % 10}" for n in range(20)
    ]
    path = written(tmp_path / "s.csv", "email;telefono", *rows)
    proposal = propose(path, Answers(list_id=1))
    assert asked(proposal, "telefono") == "is this the mobile? 50 % of the cells are mobile numbers"
