"""The sources of the site: every message, field, rule, table, column, option and name is on it."""

import importlib
import inspect
import posixpath
import re

import pytest

import mmscodec
from mmscodec.schema import findings, mms
from mmscodec.schema.faults import FAULT_SECTIONS, FaultCode, fault_name
from mmscodec.schema.winmx import HANDSHAKE, PACKETS
from mmscodec.schema.winmx.findings import SECTIONS as WINMX_SECTIONS
from mmscodec.sql.views import VIEWS
from mmscodec.tables.notes import NOTES
from mmscodec.wireshark import dissector
from tools.docs import api, columns, commandline, stage
from tools.docs.docstrings import linked
from tools.docs.markdown import links, pieces
from tools.docs.sections import anchor


def stated():
    """Public names of the modules that are for users, from the table that states them."""
    lines = (stage.ROOT / "tests" / "public_names.txt").read_text("utf-8").splitlines()
    found = {module: names.split() for module, _, names in (line.partition(":") for line in lines)}
    return {module: found[module] for module in api.modules() if module in found}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    made = stage.stage(folder)
    assert len(made) == len(set(made))
    return {p.relative_to(folder).as_posix(): p.read_text("utf-8") for p in folder.rglob("*.*")}


def test_every_message_and_packet_has_a_page_with_all_of_its_fields(site):
    structs = {f"mms/{m.name}": m for m in (*mms.MESSAGES, mms.DATA_PACKET, mms.RESEND)}
    structs |= {f"winmx/{p.name}": p for p in (*HANDSHAKE, *PACKETS)}
    assert len(structs) > 120
    for name, struct in structs.items():
        page = site[f"reference/{name}.md"]
        assert re.search(rf"[Ss]ection \[?{re.escape(struct.section)}\b", page)
        for field in struct.fields:
            assert f"| `{field.python_name}` |" in page, (name, field.name)
            if field.unit:
                assert f"| {field.unit} |" in page, (name, field.name)


def test_every_table_has_all_of_its_columns_with_unit_and_description(site):
    with mmscodec.open(stage.NOTHING) as cap:
        for name in cap.tables:
            kind = next(
                (k for k in ("mms", "winmx") if f"reference/{k}/{name}.md" in site), "tables"
            )
            page = site[f"reference/{kind}/{name}.md"]
            for column, about in cap.table(name).metadata.items():
                (line,) = re.findall(rf"^\| `{column}` \| [a-z].*$", page, re.M)[-1:]
                assert about.get("unit", "").replace("|", "\\|") in line


def test_every_column_of_a_table_that_is_no_message_says_what_it_is():
    with mmscodec.open(stage.NOTHING) as cap:
        for name in cap.tables:
            if not columns.is_message(name) and name != "SharedFile":
                silent = [
                    c
                    for c, about in cap.table(name).metadata.items()
                    if not about.get("description")
                ]
                assert not silent, name


def test_every_note_is_about_a_column():
    with mmscodec.open(stage.NOTHING) as cap:
        for name, notes in NOTES.items():
            assert set(notes) <= set(cap.table(name).column_names), name


def winmx_sections():
    """Sections that schema, faults and findings cite for WinMX."""
    items = (*HANDSHAKE, *PACKETS)
    found = {item.section for item in items}
    found |= {item.items.section for item in items if item.items is not None}
    found |= {section for code, section in FAULT_SECTIONS.items() if 64 <= code < 96}
    return found | set(WINMX_SECTIONS.values())


def test_every_section_of_winmx_that_is_cited_is_a_heading_of_its_page(site):
    titles = re.findall(r"^#+ (.*)$", site["spec/winmx.md"], re.M)
    sections = winmx_sections()
    assert len(sections) >= 20
    for section in sections:
        assert any(re.match(rf"{re.escape(section)}\.? ", title) for title in titles), section
    assert {"5.2", "6.1"} <= set(
        re.findall(r"\[([\d.]+)\]\(\.\./spec/winmx", site["reference/faults.md"])
    )
    assert "[4.2](../spec/winmx.md#42-" in site["reference/rules.md"]


def test_what_the_sources_cite_of_winmx_is_a_heading_of_its_page(site):
    titles = re.findall(r"^#+ ([\d.]+?)\.? ", site["spec/winmx.md"], re.M)
    folders = ("winmx", "schema/winmx", "_kernels/winmx")
    count = 0
    for path in (p for f in folders for p in (stage.ROOT / "src/mmscodec" / f).iterdir()):
        if path.suffix in (".py", ".pyx", ".pxd"):
            for section in re.findall(r"\b[Ss]ection (\d[\d.]*\b)", path.read_text("utf-8")):
                assert section in titles, (path.name, section)
                count += 1
    assert count > 20


def test_every_rule_fault_and_view_is_named(site):
    rules, faults = site["reference/rules.md"], site["reference/faults.md"]
    for _, path, field in findings.FINDING_FIELDS.values():
        assert field.rule is None or f"`{path}`" in rules
    assert all(text in rules for text in findings.FINDING_TEXTS.values())
    assert all(f"`{fault_name(code)}`" in faults for code in FaultCode)
    for view in VIEWS.values():
        assert view.query in site["reference/views.md"]


def test_every_filter_of_the_dissector_is_there_with_a_column_that_exists(site):
    page = site["reference/filters.md"]
    names = set(re.findall(r'"((?:mmsc|winmx)\.[\w.]+)"', dissector()))
    assert len(names) > 240
    assert {f"`{name}`" for name in names} <= set(re.findall(r"`[\w.]+`", page))
    lines = re.findall(r"^\| `(?:mmsc|winmx)\.[\w.]+` \| [\w, ]+ \| (.*) \| (.*) \|$", page, re.M)
    assert len(lines) > 240
    count = 0
    with mmscodec.open(stage.NOTHING) as cap:
        for _, where in lines:
            for column, links in re.findall(r"`(\w+)`(?! of each)[^;]*? of (\[[^;]+)", where):
                for table in re.findall(r"\[(\w+)\]", links):
                    name = {"TcpMessageHeader": "packets", "Data": "data"}.get(table, table)
                    made = cap.table(name, payload=name == "data")
                    assert column in made.column_names, (table, column)
                    count += 1
    assert count > 300


def test_every_option_of_every_command_is_there(site):
    for name, command in commandline.commands().items():
        page = site[f"reference/commands/{name}.md"]
        assert all(f"`{word}" in page for word in command._option_string_actions), name


def test_every_name_of_every_public_module_is_there(site):
    modules = api.modules()
    assert set(stated()) == set(modules)
    for module, names in stated().items():
        page = site[f"reference/api/{module}.rst"]
        for name in names:
            dotted = f"{module}.{name}"
            assert re.search(rf":: {re.escape(dotted)}(\(|$)", page, re.M) or dotted in modules, (
                dotted
            )


def test_what_docstrings_name_is_a_link_to_a_page_that_is_there(site):
    found = set()
    for module in api.modules():
        for value in vars(importlib.import_module(module)).values():
            names = api.members_of(value) if isinstance(value, type) else []
            for item in (value, *(inspect.getattr_static(value, name) for name in names)):
                text = inspect.getdoc(item) or ""
                found |= set(re.findall(r"<(/[^>#]+)>|html#([^>]+)>", linked(text, module)))
    pages = {page for page, _ in found if page}
    assert "/sessions" in pages
    assert all(f"{page[1:]}.md" in site for page in pages)
    sections = {mark for _, mark in found if mark}
    assert len(sections) > 5
    assert sections <= anchors(site["spec/winmx.md"])


def test_compiled_functions_have_the_signatures_of_their_stubs(site):
    page = site["reference/api/mmscodec.winmx.cipher.rst"]
    assert "autofunction:: mmscodec.winmx.cipher.udp_encipher(data)" in page
    assert "autoclass:: mmscodec.winmx.cipher.Stream(state)" in page
    assert "Stream.encipher_into(data, out)" in page


def anchors(text):
    return {
        anchor(line.lstrip("#").strip())
        for prose, line in pieces(text)
        if prose and line.startswith("#")
    }


def test_every_link_of_every_page_leads_somewhere(site):
    count = 0
    for name, text in site.items():
        for target in links(text):
            if "://" in target:
                continue
            place, _, mark = target.partition("#")
            file = (
                posixpath.normpath(posixpath.join(posixpath.dirname(name), place))
                if place
                else name
            )
            assert file in site, (name, target)
            assert not mark or mark in anchors(site[file]), (name, target)
            count += 1
    assert count > 500


def test_a_new_page_of_docs_is_on_the_site(site):
    for path in (stage.ROOT / "docs").rglob("*.md"):
        assert f"{path.relative_to(stage.ROOT / 'docs').as_posix()}" in site


def test_every_page_is_reached_from_the_front_page(site):
    seen, waiting = set(), ["index.md"]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        here = name.rpartition("/")[0]
        below = re.findall(r"^```\{toctree\}\n(.*?)^```", site[name], re.M | re.S)
        named = [w for block in below for w in block.split("\n\n", 1)[1].split()]
        places = [t.partition("#")[0] for t in links(site[name]) if "://" not in t]
        places += [f"{word}.md" for word in named]
        waiting += [posixpath.normpath(posixpath.join(here, place)) for place in places if place]
    assert set(site) == seen
