"""The local page: what its server answers, whom it refuses, and a person drawing a digit in a real browser."""

import base64
import io
import json
import shutil
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageDraw

import talweg as tw
from talweg.io import save_best, write_settings
from talweg.models.diffusion import made
from talweg.recipes import classify, diffuse, language
from talweg.recipes.classify_settings import Settings
from talweg.recipes.diffuse_settings import Settings as NoiseSettings
from talweg.recipes.evaluation import Answer
from talweg.recipes.language_settings import Settings as TextSettings
from talweg.recipes.registry import load_run
from talweg.ui.app import create_app

HERE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A classifier, a language model, and a run that is damaged."""
    runs = tmp_path_factory.mktemp("runs")
    classify.RECIPE.train(Settings(model="lenet", epochs=3), runs / "lenet-digits")
    text = runs.parent / "text.txt"
    text.write_text("the cat sat on the mat. " * 300)
    small = TextSettings(data=str(text), width=16, layers=1, heads=2, context=16, epochs=1)
    language.RECIPE.train(small, runs / "gpt-text")
    untrained_diffusion(runs / "ddpm-digits")
    (runs / "broken").mkdir()
    (runs / "broken" / "config.yaml").write_text("recipe: nothing\nsettings: {}\ninput: {}\n")
    return runs


def untrained_diffusion(run):
    """A run as training leaves it, without the training."""
    settings = NoiseSettings(noise_steps=12, widths=[8, 8], draws=1)
    task = diffuse.RECIPE.begun(settings, diffuse.RECIPE.material(settings))
    run.mkdir()
    config = {"recipe": "diffuse", "settings": asdict(settings), "input": asdict(task.prepared)}
    write_settings(run / "config.yaml", config)
    save_best(run, task.model, {"epoch": 0})


@pytest.fixture(scope="module")
def page(folder):
    with TestClient(create_app(folder, limit=200_000), base_url=HERE) as client:
        yield client


def drawing(size=280):
    """An upright stroke: a one."""
    image = Image.new("L", (size, size), 255)
    ImageDraw.Draw(image).line([(140, 40), (140, 240)], fill=10, width=24)
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def test_the_runs_are_listed_with_what_they_can_do(page):
    found = {r["name"]: r for r in page.get("/api/runs").json()["runs"]}
    assert set(found) == {"lenet-digits", "gpt-text", "ddpm-digits", "broken"}
    assert [found[name].get("watched") for name in ("lenet-digits", "gpt-text", "ddpm-digits")] == [None, "text", "denoising"]
    assert found["lenet-digits"]["predicts"]
    assert not found["lenet-digits"]["generates"]
    assert found["gpt-text"]["generates"]
    assert "prompt" in [o["name"] for o in found["gpt-text"]["options"]]
    assert "no recipe 'nothing'" in found["broken"]["fault"]


def test_the_page_and_its_files_come_with_a_policy(page):
    files = {"/": "text/html", "/app.js": "javascript", "/watch.js": "javascript", "/style.css": "text/css", "/icon.svg": "svg"}
    for name, kind in files.items():
        answer = page.get(name)
        assert answer.status_code == 200
        assert kind in answer.headers["content-type"]
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    report = page.get("/api/runs/lenet-digits/report")
    assert "Loss by epoch" in report.text
    assert "script-src 'none'" in report.headers["content-security-policy"]


def test_a_drawing_gets_probabilities_and_the_maps_of_the_layers(page):
    found = page.post("/api/runs/lenet-digits/activations", content=drawing()).json()
    assert sum(found["probabilities"].values()) == pytest.approx(1)
    assert len(found["layers"]) >= 2
    for layer in found["layers"]:
        assert layer["picture"].startswith("data:image/png;base64,")
        assert len(layer["shape"]) == 3
    file = page.post("/api/runs/lenet-digits/predict", content=drawing(), params={"suffix": ".png"}).json()
    assert file["facts"]["probabilities"] == pytest.approx(found["probabilities"], abs=1e-6)
    assert "/tmp" not in json.dumps(file)


def test_a_text_comes_as_it_is_made(page):
    answer = page.post("/api/runs/gpt-text/generate", json={"prompt": "the ", "count": 30, "seed": "3"})
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.startswith("the ")
    assert len(answer.text) > 20
    assert page.post("/api/runs/gpt-text/generate", json={"prompt": "the ", "count": 30, "seed": "3"}).text == answer.text


def lines_of(answer):
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_watched_text_is_the_one_that_is_made_and_tells_what_each_token_read(page, folder):
    given = {"prompt": "the cat", "count": 6, "seed": "5", "temperature": 1.0}
    first, *lines = lines_of(page.post("/api/runs/gpt-text/watch", json=given))
    assert (first["layers"], first["heads"]) == (1, 2)
    text = first["piece"] + "".join(line["piece"] for line in lines)
    assert text == page.post("/api/runs/gpt-text/generate", json=given).text
    assert [bool(line.get("made")) for line in lines] == [False] * 6 + [True] * 6
    run = load_run(folder / "gpt-text")
    tokens = run.prepared.built().encode(text)
    with tw.no_grad():
        probabilities = run.model(tw.tensor([tokens])).softmax(-1)[0].numpy()
    for i, line in enumerate(lines):
        read = np.frombuffer(base64.b64decode(line["read"]), np.uint8).reshape(1, 2, i + 1)
        assert read.sum(-1, dtype=float) == pytest.approx(255, abs=(i + 1) / 2)  # each share is rounded
        assert line["probability"] == pytest.approx(float(probabilities[i, tokens[i + 1]]), rel=1e-3)
        assert line["candidates"][0][1] == pytest.approx(float(probabilities[i].max()), rel=1e-3)


def test_a_watched_text_ends_with_the_context(page):
    assert len(lines_of(page.post("/api/runs/gpt-text/watch", json={"prompt": "the cat", "count": 500}))) == 16


@pytest.mark.parametrize("steps", [None, 5])
def test_a_denoising_is_told_step_by_step_and_ends_with_what_is_made(page, folder, steps):
    given = {"n": 5, "seed": 2} | ({} if steps is None else {"steps": steps})
    found = page.post("/api/runs/ddpm-digits/denoise", json=given).json()
    taken = steps or 12
    assert [m["done"] for m in found["moments"]] == list(range(taken + 1))
    assert found["steps"] == taken
    assert [m["time"] for m in found["moments"]][-2:] == [0, None]
    kept = [m["kept"] for m in found["moments"][:-1]]
    assert kept == sorted(kept)
    run = load_run(folder / "ddpm-digits")
    images = made(diffuse.diffusion_of(run.settings), run.model, 5, (1, 8, 8), seed=2, steps=steps)
    last = picture_of(found["moments"][-1]["noisy"])
    assert last.shape == (2 * 9 - 1, 3 * 9 - 1)
    expected = np.round(255 * diffuse.to_unit(images[4, 0]))
    np.testing.assert_allclose(last[9:, 9:17], expected, atol=1)
    np.testing.assert_array_equal(last, picture_of(found["moments"][-1]["clean"]))
    assert (picture_of(found["moments"][0]["noisy"]) != picture_of(found["moments"][0]["clean"])).any()


def picture_of(source):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))).astype(int)


@pytest.mark.parametrize(("address", "content", "status", "words"), [
    ("lenet-digits/predict", b"no image", 422, "image"), ("lenet-digits/activations", b"", 422, ""),
    ("nothing/predict", b"x", 404, "no run 'nothing'"), ("..%2fbroken/predict", b"x", 405, ""),
    ("broken/predict", b"x", 422, "no recipe"), ("lenet-digits/generate", b"{}", 422, "makes nothing new"),
    ("gpt-text/generate", b"[1]", 400, "JSON object"), ("gpt-text/generate", b'{"count": "many"}', 422, "whole number"),
    ("gpt-text/generate", b'{"color": 1}', 422, "no setting 'color'"),
    ("lenet-digits/predict", bytes(300_000), 413, "the most that is taken"),
    ("lenet-digits/watch", b"{}", 422, "no text that could be watched"), ("gpt-text/watch", b"[]", 400, "JSON object"),
    ("gpt-text/watch", b'{"prompt": "the cat sat on the mat"}', 422, "to be watched it must have 1 to 15"),
    ("gpt-text/watch", b'{"temperature": -1}', 422, "temperature"), ("gpt-text/watch", b'{"top_p": 2}', 422, "top_p"),
    ("gpt-text/watch", b"[" * 100_000, 400, "JSON object"),
    ("gpt-text/denoise", b"{}", 422, "no denoising that could be watched"), ("none/denoise", b"{}", 404, "no run 'none'"),
    ("ddpm-digits/denoise", b'{"steps": 13}', 422, "13 steps are not between 1 and the 12"),
    ("ddpm-digits/denoise", b'{"n": 0}', 422, "setting n"), ("ddpm-digits/denoise", b'{"seed": "x"}', 422, "whole number"),
])
def test_what_cannot_be_answered_is_told(page, address, content, status, words):
    answer = page.post(f"/api/runs/{address}", content=content)
    assert answer.status_code == status, answer.text
    assert words in answer.text
    assert "Traceback" not in answer.text


def test_a_damaged_run_does_not_take_the_list_with_it(tmp_path, monkeypatch):
    for name, text in {"word": "recipe: {a: 1}", "number": "recipe: 3"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(text + "\nsettings: {}\ninput: {}\n")
    (tmp_path / "gone").mkdir()
    glob = Path.glob  # which finds a run that is deleted before anybody looks at it
    monkeypatch.setattr(Path, "glob", lambda self, pattern: [*glob(self, pattern), tmp_path / "gone" / "config.yaml"])
    with TestClient(create_app(tmp_path), base_url=HERE) as client:
        found = {r["name"]: r["fault"] for r in client.get("/api/runs").json()["runs"]}
    assert set(found) == {"word", "number", "gone"}
    assert "no recipe 3" in found["number"]
    assert "no recipe {'a': 1}" in found["word"]


@pytest.mark.parametrize("error", [KeyError("weights"), TypeError("a list"), IndexError("far")])
def test_an_error_of_the_program_is_told_as_one(folder, monkeypatch, error):
    def fail(*args):
        raise error

    monkeypatch.setattr("talweg.ui.app.activations", fail)
    with TestClient(create_app(folder), base_url=HERE) as client:
        answer = client.post("/api/runs/lenet-digits/activations", content=drawing())
    assert answer.status_code == 500
    assert answer.json()["detail"] == f"internal error: {type(error).__name__}: {error}"


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"host": "127.0.0.1.evil.example:80"},
                                     {"origin": "http://evil.example"}, {"origin": "null"}])
def test_foreign_pages_are_refused(page, headers):
    assert page.get("/api/runs", headers=headers).status_code == 403


def test_files_outside_are_not_served(page):
    for address in ("/../app.py", "/%2e%2e/app.py", "/..%2fapp.py"):
        assert page.get(address).status_code == 404
    answer = page.post("/api/runs/lenet-digits/predict", content=drawing(), params={"suffix": "/../../x.png"})
    assert answer.status_code == 200  # an ending that is none is not used


# A person at it


@pytest.fixture(scope="module")
def address(folder):
    with serving(folder) as found:
        yield found


@contextmanager
def serving(folder):
    import uvicorn

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(folder), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def test_a_person_draws_a_digit_and_reads_the_answer(browser, address, tmp_path):
    tab = browser.new_page(viewport={"width": 1100, "height": 900})
    faults = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    tab.goto(address)
    tab.get_by_role("button", name="lenet-digits").click()
    box = tab.locator("#canvas").bounding_box()
    middle = box["x"] + box["width"] / 2
    tab.mouse.move(middle, box["y"] + 40)
    tab.mouse.down()
    tab.mouse.move(middle, box["y"] + 240, steps=12)
    tab.mouse.up()
    tab.wait_for_selector("#layers img", timeout=60_000)
    assert tab.locator(".bar").count() == 10
    assert tab.locator("#layers img").count() >= 3
    tab.screenshot(path=str(tmp_path / "drawn.png"))
    assert np.asarray(Image.open(tmp_path / "drawn.png")).std() > 5
    tab.mouse.down()  # another question, which is still open when another run is chosen
    tab.mouse.up()
    tab.get_by_role("button", name="gpt-text").click()
    tab.locator("textarea[name=prompt]").fill("the cat ")
    tab.locator("input[name=count]").fill("20")
    tab.get_by_role("button", name="Make").click()
    playwright = pytest.importorskip("playwright.sync_api")
    playwright.expect(tab.locator("#words")).to_contain_text("the cat ", timeout=60_000)
    playwright.expect(tab.locator("#status")).to_be_empty(timeout=60_000)
    assert len(tab.locator("#words").inner_text()) > 20
    tab.screenshot(path=str(tmp_path / "told.png"))
    assert not faults


def test_a_person_watches_a_text_and_a_denoising(browser, address, tmp_path):
    expect = pytest.importorskip("playwright.sync_api").expect
    tab = browser.new_page(viewport={"width": 1100, "height": 900})
    faults = []
    tab.on("pageerror", lambda error: faults.append(str(error)))
    tab.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    tab.goto(address)
    tab.get_by_role("button", name="gpt-text").click()
    tab.locator("textarea[name=prompt]").fill("the cat")
    tab.locator("input[name=count]").fill("8")
    tab.get_by_role("button", name="Watch").click()
    expect(tab.locator("#tokens span")).to_have_count(15, timeout=60_000)
    expect(tab.locator("#tokens span.made")).to_have_count(8)
    expect(tab.locator("#tokens span").nth(14)).to_have_class("made framed")
    assert tab.locator("#layer option").all_inner_texts() == ["mean of all", "1"]
    assert tab.locator("#head option").all_inner_texts() == ["mean of all", "1", "2"]
    tab.locator("#tokens span").nth(4).hover()
    expect(tab.locator("#tokens span").nth(4)).to_have_class("framed")
    assert [shared(tab, i) > 0 for i in (0, 3, 4, 9)] == [True, True, False, False]
    expect(tab.locator("#candidates .bar")).to_have_count(6)
    tab.locator("#tokens").focus()
    tab.keyboard.press("ArrowRight")
    expect(tab.locator("#tokens span").nth(5)).to_have_class("framed")
    tab.get_by_role("button", name="ddpm-digits").click()
    expect(tab.locator("#reading")).to_be_hidden()
    tab.get_by_role("button", name="Watch").click()
    expect(tab.locator("#moment")).to_contain_text("After 12 of 12 steps: no noise is left", timeout=60_000)  # it plays
    expect(tab.locator("#play")).to_have_text("Play")
    tab.locator("#step").fill("6")
    expect(tab.locator("#moment")).to_contain_text("After 6 of 12 steps: t = 5")
    assert tab.locator("#noisy").get_attribute("src") != tab.locator("#clean").get_attribute("src")
    tab.screenshot(path=str(tmp_path / "denoising.png"))
    assert not faults


def shared(tab, i):
    return float(tab.locator("#tokens span").nth(i).get_attribute("style").partition(":")[2].strip(" ;"))


def test_a_text_that_nobody_waits_for_is_not_made_to_its_end(browser, folder):
    """Each one that was left went on beside those that came after it, and all of them became slower."""
    expect = pytest.importorskip("playwright.sync_api").expect
    made = []

    def endless(runs, name, options):
        def pieces():
            made.append(0)
            mine = len(made) - 1
            while True:
                time.sleep(0.01)
                made[mine] += 1
                yield "word "

        return Answer("", {}, pieces=pieces())

    with pytest.MonkeyPatch.context() as patch, serving(folder) as address:
        patch.setattr("talweg.ui.app.generated", endless)
        tab = browser.new_page()
        tab.goto(address)
        for _ in range(2):
            tab.get_by_role("button", name="gpt-text").click()
            tab.get_by_role("button", name="Make").click()
            expect(tab.locator("#words")).to_contain_text("word word word", timeout=60_000)
        tab.get_by_role("button", name="lenet-digits").click()
        deadline = time.monotonic() + 20
        before = None
        while before != made and time.monotonic() < deadline:
            before = list(made)
            time.sleep(1)
        tab.close()
    assert before == made
    assert len(made) == 2
