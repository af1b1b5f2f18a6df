"""Checks for continuous integration: JUnit XML, and workflow annotations as GitHub reads them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence

from ham_mrc.tables import Check

MOST_ANNOTATIONS = 10
"""GitHub shows ten errors of a step and drops the rest in silence."""

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(checks: Sequence[Check], *, name: str, properties: Mapping[str, str]) -> str:
    """A JUnit file in the subset that the readers of such files agree on; one test case a check.

    No schema is official and none of the times is ours to tell. Characters that XML 1.0 forbids become U+FFFD:
    predictions contain them.
    """
    failures = sum(not check.passed for check in checks)
    counts = {"tests": str(len(checks)), "failures": str(failures), "errors": "0", "skipped": "0"}
    root = ElementTree.Element("testsuites", {"name": _xml(name), **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _xml(name), **counts})
    if properties:
        known = ElementTree.SubElement(suite, "properties")
        for key, value in properties.items():
            ElementTree.SubElement(known, "property", {"name": _xml(key), "value": _xml(value)})
    for check in checks:
        case = ElementTree.SubElement(suite, "testcase", {"classname": _xml(name), "name": _xml(check.name)})
        if not check.passed:
            failure = ElementTree.SubElement(case, "failure", {"message": _xml(check.message), "type": "check"})
            failure.text = _xml(check.detail or check.message)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def to_annotations(checks: Sequence[Check]) -> str:
    """One workflow command a line: an error for each failed check, at most ten; a notice if all passed."""
    failed = [check for check in checks if not check.passed]
    if not failed:
        passed = "1 check" if len(checks) == 1 else f"all {len(checks)} checks"
        return f"::notice title=ham-mrc::{passed} passed\n"
    shown = failed if len(failed) <= MOST_ANNOTATIONS else failed[: MOST_ANNOTATIONS - 1]
    lines = [_annotation(check) for check in shown]
    if len(shown) < len(failed):
        lines.append(f"::notice title=ham-mrc::{len(failed) - len(shown)} more checks failed")
    return "\n".join(lines) + "\n"


def _annotation(check: Check) -> str:
    place = {"title": check.name, "file": check.file, "line": None if check.line is None else str(check.line)}
    properties = ",".join(f"{key}={_property(value)}" for key, value in place.items() if value)
    text = f"{check.message}\n{check.detail}" if check.detail else check.message
    return f"::error {properties}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
