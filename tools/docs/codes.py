"""Pages of what a number may mean: faults, findings, gaps, HRESULTs, states."""

from __future__ import annotations

import inspect
import re
from enum import IntEnum

from mmscodec.capture import DIRECTIONS, GAP_REASONS
from mmscodec.schema import findings, mms, values
from mmscodec.schema.faults import FAULT_FIELDS, FAULT_SECTIONS, FaultCode, fault_name
from mmscodec.schema.winmx import findings as winmx_findings
from mmscodec.sessions import PARTIAL, STATES
from tools.docs.fields import values as named
from tools.docs.markdown import cell, code, table
from tools.docs.sections import cited

#: Faults of WinMX are numbered so.
WINMX = range(64, 96)


def comments(enum: type[IntEnum]) -> dict[str, str]:
    """What stands behind the members of an enumeration in its source."""
    found = re.findall(r"^    (\w+) = \d+  # (.*)$", inspect.getsource(enum), re.MULTILINE)
    return dict(found)


def faults() -> str:
    """Every fault with its number, and the fields that faults point at."""
    words = comments(FaultCode)
    rows = [
        [str(int(item)), code(fault_name(item)), cell(words.get(item.name, "")),
         cited("winmx" if item in WINMX else "mms", FAULT_SECTIONS.get(item, ""))]
        for item in FaultCode
    ]  # fmt: skip
    heads = ("code", "`code_name`", "is", "section")
    fields = [[str(n), code(name)] for n, name in FAULT_FIELDS.items() if name]
    return (
        "# Faults and gaps\n\nA fault is a row that says which bytes could not be understood, and "
        "why; decoding goes on behind it. Rows of [`faults`](tables/faults.md). Sections of faults "
        "64 to 95 are those of [WinMX](../spec/winmx.md), others of \\[MS-MMSP]. "
        "`mmscodec explain` shows the bytes at any offset.\n\n## Faults\n\n"
        + table(heads, rows)
        + "\n## Fields that faults point at\n\n" + table(("field", "`field_name`"), fields)
        + "\n## Gaps\n\nBytes of a connection that were not captured, with the reason: rows of "
        "[`gaps`](tables/gaps.md).\n\n" + named(GAP_REASONS)
    )  # fmt: skip


def rules() -> str:
    """Severities, codes, and every rule of every field."""
    severities = comments(findings.Severity)
    kinds = [
        [str(int(item)), code(item.name.lower()), cell(severities[item.name])]
        for item in findings.Severity
    ]
    codes = [
        [str(int(item)), code(item.name.lower().replace("_", " ")), cell(text), protocol,
         cited(protocol.lower(), sections.get(item, ""))]
        for protocol, texts, enum, sections in (
            ("MMS", findings.FINDING_TEXTS, findings.FindingCode, {}),
            ("WinMX", winmx_findings.TEXTS, winmx_findings.Finding, winmx_findings.SECTIONS),
        )
        for item in enum
        if (text := texts.get(item)) is not None
    ]  # fmt: skip
    fields = [
        [link(struct.name), code(path), cell(field.rule.text()), struct.section]
        for struct, path, field in findings.FINDING_FIELDS.values()
        if field.rule is not None
    ]
    return (
        "# Rules and findings\n\nA finding is a row about a good row that the specification "
        "forbids. Rows of [`findings`](tables/findings.md); `mmscodec decode --findings` shows "
        "them.\n\n## Severities\n\n" + table(("severity", "`severity_name`", "is"), kinds)
        + "\n## Kinds of rules\n\n"
        + table(("code", "`code_name`", "says", "protocol", "section"), codes)
        + "\n## Rules of fields\n\n" + table(("structure", "field", "rule", "section"), fields)
    )  # fmt: skip


def link(name: str) -> str:
    """A structure, and its page where it has one."""
    paged = {
        item.name for item in (*mms.MESSAGES, mms.TCP_MESSAGE_HEADER, mms.DATA_PACKET, mms.RESEND)
    }
    return f"[{name}](mms/{name}.md)" if name in paged else name


def names() -> str:
    """Numbers of the wire and of tables that have names."""
    results = [
        [code(f"0x{n:08X}"), code(name), cell(text)] for n, (name, text) in values.HRESULTS.items()
    ]
    parts = [
        ("HRESULTs", table(("value", "name", "is"), results)),
        ("Directions", named({n: text or "not known" for n, text in DIRECTIONS.items()})),
        ("Kinds of Data packets", named(values.DATA_KINDS)),
        ("States of sessions", named(STATES)),
        ("Parts that a session lacks", named(PARTIAL)),
    ]  # fmt: skip
    return (
        "# Values by name\n\nWhat numbers mean that stand in more than one table. Values of "
        "one field alone are on the page of its message.\n\n"
        + "\n".join(f"## {title}\n\n{text}" for title, text in parts)
    )
