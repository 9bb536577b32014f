"""The page in a real browser: what people do with it, and what it must never do."""

from dataclasses import replace

import pytest

from inputgrad_cli.report.folder_of_pages import FolderForm
from inputgrad_cli.report.single_file import SingleFile
from tests.report.browser import Browser, find_axe, get_keys, serve_as_jenkins
from tests.report.synthetic import (
    CLASSES,
    FIRST_HOSTILE,
    make_contents,
    make_mixed_contents,
)

MAX_BYTES = 25 << 20


def write(folder, contents, name="report.html"):
    """Write a page, and return its address."""
    path = folder / name
    path.write_bytes(SingleFile(folder, path, MAX_BYTES).compose(contents, 96, False).page)
    return path.as_uri()


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def contents():
    return make_contents(300)


@pytest.fixture(scope="module")
def address(tmp_path_factory, contents):
    return write(tmp_path_factory.mktemp("page"), contents)


@pytest.fixture
def page(browser, address):
    """Open the page; check afterwards that it loaded nothing and that the console is silent."""
    browser.list_messages()
    browser.open(address)
    yield browser
    assert browser.list_messages() == []
    assert browser.list_requests() == []
    assert browser.run("return window.hit === undefined")


def test_a_page_has_a_hundred_cards_with_pictures(page, contents):
    page.wait_for_pictures()
    assert page.names == [item.name for item in contents.items[:100]]
    assert page.shown == "1 to 100 of 300"
    assert page.count_broken_pictures() == 0
    assert page.run("return [...document.images].every(image => image.alt)")


def test_names_are_found_without_case_and_hostile_ones_are_text(page, contents):
    for i in range(FIRST_HOSTILE, FIRST_HOSTILE + 12):
        name = contents.items[i].name
        page.choose("find", name.upper() if name.isascii() else name)
        assert page.names == [name]
        assert page.shown == "1 to 1 of 1"
    page.choose("find", "no such name")
    assert (page.names, page.shown) == ([], "nothing matches")


@pytest.mark.parametrize("label", CLASSES)
def test_a_class_shows_its_items_alone(page, contents, label):
    page.choose("class", str(sorted(CLASSES).index(label)))
    expected = [item.name for item in contents.items if item.cells[0].label == label]
    assert page.names == expected[:100]


@pytest.mark.parametrize(("value", "word"), [("1", "failed"), ("2", "unmet")])
def test_a_status_shows_its_items_alone(page, contents, value, word):
    page.choose("status", value)
    expected = [i.name for i in contents.items if i.status == int(value)]
    assert page.names == expected
    assert page.run(f"return document.querySelectorAll('.card.{word}').length") == len(expected)
    assert page.run("return [...document.querySelectorAll('.note')].every(n => n.textContent)")


@pytest.mark.parametrize("name", ["score", "probability", "gap", "norm"])
def test_items_are_sorted_by_a_number_and_those_without_come_last(page, contents, name):
    values = {item.name: getattr(item.cells[0], name) for item in contents.items}
    for is_reversed in (False, True):
        page.choose("sort", name)
        if is_reversed:
            page.act("document.getElementById('reverse').click()")
        shown = []
        for _ in range(3):
            shown += page.names
            if len(shown) < 300:
                page.act("document.getElementById('forward').click()")
        known = [values[name] for name in shown if values[name] is not None]
        assert known == sorted(known, reverse=is_reversed)
        assert all(values[name] is None for name in shown[len(known) :])


def test_names_are_sorted_as_people_count(browser, tmp_path):
    contents = make_contents(3)
    names = ("b10.png", "b9.png", "a.png")
    items = [replace(item, name=n) for item, n in zip(contents.items, names, strict=True)]
    browser.open(write(tmp_path, replace(contents, items=items)))
    browser.choose("sort", "name")
    assert browser.names == ["a.png", "b9.png", "b10.png"]


def test_pages_turn_and_end(page, contents):
    page.act("document.getElementById('forward').click()")
    assert page.names[0] == contents.items[100].name
    assert page.shown == "101 to 200 of 300"
    page.act("document.getElementById('forward').click()")
    assert page.run("return document.getElementById('forward').disabled")
    page.press("[")
    page.wait("return document.getElementById('shown').textContent.startsWith('101')")


def test_the_address_keeps_what_was_chosen(page, browser):
    page.choose("status", "1")
    page.choose("sort", "name")
    page.act("document.getElementById('reverse').click()")
    names, address = page.names, page.driver.current_url
    browser.open(address)
    assert browser.names == names
    assert browser.run("return document.getElementById('status').value") == "1"


def test_the_keyboard_reaches_every_card(page, contents):
    def get_focus():
        return page.run("return document.activeElement.textContent")

    keys = get_keys()
    page.press("/")
    assert page.run("return document.activeElement.id") == "find"
    page.press("]")  # a letter of the search, not a command
    page.wait("return document.getElementById('shown').textContent === 'nothing matches'")
    page.choose("find", "")
    page.run("document.querySelector('#grid .open').focus()")
    page.press(keys.ARROW_RIGHT)
    assert get_focus() == contents.items[1].name
    page.press(keys.ARROW_LEFT, keys.ARROW_LEFT)
    assert get_focus() == contents.items[0].name
    page.press(keys.ARROW_DOWN)
    columns = page.run(
        "const cards = [...document.querySelectorAll('.card')];"
        "return cards.filter(card => card.offsetTop === cards[0].offsetTop).length"
    )
    assert get_focus() == contents.items[columns].name
    page.press(keys.END)
    assert get_focus() == contents.items[99].name
    page.press(keys.HOME, keys.ENTER)
    page.wait("return document.getElementById('large').open")
    assert page.run("return document.getElementById('large-name').textContent") == (
        contents.items[0].name
    )
    page.press(keys.ARROW_RIGHT)
    assert page.run("return document.getElementById('large-name').textContent") == (
        contents.items[1].name
    )
    page.press(keys.ESCAPE)
    page.wait("return !document.getElementById('large').open")
    page.run("document.querySelector('#grid .open').focus()")
    page.press("]")
    page.wait("return document.getElementById('shown').textContent.startsWith('101')")


def test_the_large_view_says_what_is_known(page, contents):
    page.run("document.querySelectorAll('#grid .thumb')[3].click()")
    page.wait("return document.querySelector('#large-cells img')?.naturalWidth")
    text = page.run("return document.getElementById('large-facts').textContent")
    assert contents.items[3].cells[0].answer in text
    assert contents.items[3].cells[0].notes[0] in text
    assert f"{contents.items[3].cells[0].gap:.4g}" in text


def test_without_the_files_beside_it_the_large_view_shows_the_thumbnail(browser, tmp_path):
    contents = make_contents(2)
    items = [
        replace(item, cells=[replace(item.cells[0], file="gone.png")]) for item in contents.items
    ]
    browser.open(write(tmp_path, replace(contents, items=items)))
    browser.wait_for_pictures()
    browser.run("document.querySelector('#grid .thumb').click()")
    browser.wait("return document.querySelector('#large-cells .note')?.textContent")
    browser.wait("return document.querySelector('#large-cells img').naturalWidth === 96")
    browser.list_messages()  # that of the missing file


def test_one_map_of_several_can_be_shown_alone(browser, tmp_path):
    browser.open(write(tmp_path, make_contents(5, columns=("gradient", "smoothgrad"))))
    browser.wait_for_pictures()
    count = "return document.querySelectorAll('#grid .thumb').length"
    assert browser.run(count) == 10
    browser.choose("column", "1")
    browser.wait(f"{count} === 5")
    assert browser.run(
        "return document.querySelector('figcaption + *, #grid figcaption').textContent"
    )


def test_light_and_dark_change_the_page_and_not_the_pictures(page):
    def colours():
        return page.run(
            "return [getComputedStyle(document.body).backgroundColor,"
            "getComputedStyle(document.querySelector('.thumb')).filter]"
        )

    before = colours()
    page.run("document.getElementById('theme').click()")
    dark = colours()
    assert dark[0] != before[0]
    assert dark[1] == before[1] == "none"
    page.run("document.getElementById('theme').click()")
    assert colours() == before


def test_paper_shows_items_and_no_controls(page):
    page.command("Emulation.setEmulatedMedia", media="print")
    try:
        display = "return getComputedStyle(document.getElementById(arguments[0])).display"
        assert page.run(display, "controls") == "none"
        assert page.run(display, "grid") == "grid"
    finally:
        page.command("Emulation.setEmulatedMedia", media="")


@pytest.fixture
def without_scripts(browser):
    browser.command("Emulation.setScriptExecutionDisabled", value=True)
    yield browser
    browser.command("Emulation.setScriptExecutionDisabled", value=False)


BODIES = "return document.querySelectorAll('.cells > figure > :is(img, svg, table, div)').length"
TEXTS = """return [...document.querySelectorAll('.card')].map(card => [
    ...[...card.querySelectorAll('.name, p, .note, figcaption, th, td, caption, span')]
        .map(e => e.textContent.trim()).filter(Boolean).sort(),
    card.className, card.querySelectorAll('img, svg, rect').length,
    ...[...card.querySelectorAll('rect')].map(r => ['class', 'x', 'y', 'width', 'height']
        .map(name => r.getAttribute(name)).join(' ')),
    ...[...card.querySelectorAll('span[title]')].map(s => s.className + s.title),
])"""


@pytest.mark.parametrize("make", [make_mixed_contents, lambda: make_contents(100)])
def test_without_scripts_the_page_says_the_same(browser, without_scripts, tmp_path, make):
    address = write(tmp_path, make())
    browser.open(address, is_scripted=False)
    static, count = browser.run(TEXTS), browser.run(BODIES)
    assert browser.count_broken_pictures() == 0
    assert browser.run("return document.getElementById('controls').hidden")
    browser.command("Emulation.setScriptExecutionDisabled", value=False)
    browser.open(address)
    browser.wait_for_pictures()
    browser.wait(f"{BODIES} === arguments[0]", count)
    assert browser.run(TEXTS) == static


def test_under_the_header_of_jenkins_the_folder_shows_styled_pictures(browser, tmp_path):
    contents = make_contents(250)
    for name, data in FolderForm(tmp_path, MAX_BYTES).yield_files(contents, 96, False):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    browser.list_messages()
    with serve_as_jenkins(tmp_path) as address:
        browser.open(f"{address}/index.html", is_scripted=False)
        assert browser.names == [item.name for item in contents.items[:100]]
        assert browser.count_broken_pictures() == 0
        assert browser.run("return document.images.length") > 95
        assert (
            browser.run("return getComputedStyle(document.getElementById('grid')).display")
            == "grid"
        )
        browser.run("document.querySelector('nav a[href=\"page-3.html\"]').click()")
        browser.wait("return location.pathname === '/page-3.html'")
        assert browser.names == [item.name for item in contents.items[200:]]
    messages = [text for text in browser.list_messages() if "favicon" not in text]
    assert messages == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("make", [make_mixed_contents, lambda: make_contents(120)])
def test_the_page_is_accessible(browser, tmp_path, scheme, is_large, make):
    axe = find_axe()
    browser.command(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
    )
    browser.open(write(tmp_path, make()))
    browser.wait_for_pictures()
    if is_large:
        browser.run("document.querySelector('#grid .open').click()")
    browser.run(axe)
    result = browser.driver.execute_async_script(
        "const done = arguments[0]; axe.run().then(r => done(r.violations.map(v => v.id + ': ' + "
        "v.nodes.slice(0, 3).map(n => n.html + n.failureSummary).join())))"
    )
    browser.command("Emulation.setEmulatedMedia", features=[])
    assert result == []


def test_ten_thousand_items_are_a_page_that_opens(browser, tmp_path):
    browser.list_messages()
    address = write(tmp_path, make_contents(10_000))
    assert (tmp_path / "report.html").stat().st_size <= MAX_BYTES
    browser.open(address)
    browser.wait_for_pictures()
    assert browser.shown == "1 to 100 of 10,000"
    assert browser.run("return document.getElementsByTagName('*').length") <= 1500
    browser.choose("find", "09999")
    assert browser.names == ["cats/09999.png"]
    browser.wait_for_pictures()
    assert browser.count_broken_pictures() == 0
    assert browser.list_messages() == []
    assert browser.list_requests() == []
