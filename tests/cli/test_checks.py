"""JUnit files and workflow annotations, with texts written by hand."""

import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

from ham_mrc.cli.checks import to_annotations, to_junit
from ham_mrc.tables import Check

PASSED = Check("f1 drop <= 0.5", True, "f1 fell by 0.34, allowed are 0.5")
FAILED = Check(
    "exact_match >= 70", False, "exact_match is 67.63", detail='q1: "a & b"\nq2: \x0bnone', file="p,1.json", line=3
)


def test_junit() -> None:
    assert to_junit([PASSED, FAILED], name="ham-mrc.squad", properties={"signature": "s"}) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<testsuites name="ham-mrc.squad" tests="2" failures="1" errors="0" skipped="0">\n'
        '  <testsuite name="ham-mrc.squad" tests="2" failures="1" errors="0" skipped="0">\n'
        "    <properties>\n"
        '      <property name="signature" value="s" />\n'
        "    </properties>\n"
        '    <testcase classname="ham-mrc.squad" name="f1 drop &lt;= 0.5" />\n'
        '    <testcase classname="ham-mrc.squad" name="exact_match &gt;= 70">\n'
        '      <failure message="exact_match is 67.63" type="check">q1: "a &amp; b"\nq2: \ufffdnone</failure>\n'
        "    </testcase>\n"
        "  </testsuite>\n"
        "</testsuites>\n"
    )


any_text = st.text(st.characters(exclude_categories=()))


@given(any_text, any_text, any_text)
def test_junit_is_xml_whatever_a_prediction_holds(name: str, message: str, detail: str) -> None:
    text = to_junit([Check(name, False, message, detail)], name="n", properties={name: message})
    root = ElementTree.fromstring(text.encode())
    assert [failure.get("type") for failure in root.iter("failure")] == ["check"]


def test_annotations_escape_what_would_end_them() -> None:
    assert to_annotations([PASSED, FAILED]) == (
        '::error title=exact_match >= 70,file=p%2C1.json,line=3::exact_match is 67.63%0Aq1: "a & b"%0Aq2: \x0bnone\n'
    )
    tricky = Check("a::b, 5%", False, "100% :: gone\r\nsecond")
    assert to_annotations([tricky]) == "::error title=a%3A%3Ab%2C 5%25::100%25 :: gone%0D%0Asecond\n"


def test_passed_checks_are_one_notice() -> None:
    assert to_annotations([PASSED]) == "::notice title=ham-mrc::1 check passed\n"
    assert to_annotations([PASSED] * 3) == "::notice title=ham-mrc::all 3 checks passed\n"


def test_ten_annotations_at_most() -> None:
    def lines(failures: int) -> list[str]:
        return to_annotations([Check(f"c{i}", False, "m") for i in range(failures)]).splitlines()

    assert len(lines(10)) == 10
    assert lines(10)[-1] == "::error title=c9::m"
    assert len(lines(14)) == 10
    assert lines(14)[-2:] == ["::error title=c8::m", "::notice title=ham-mrc::5 more checks failed"]


@given(any_text, any_text, any_text)
def test_an_annotation_is_one_line_whatever_a_prediction_holds(name: str, message: str, detail: str) -> None:
    text = to_annotations([Check(name, False, message, detail, file=name)])
    assert text.count("\n") == 1
    assert "\r" not in text
