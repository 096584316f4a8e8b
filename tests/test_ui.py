"""The local page: what its server answers, whom it refuses, and a person drawing a digit in a real browser."""

import io
import json
import shutil
import socket
import threading
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageDraw

from talweg.recipes import classify, language
from talweg.recipes.classify_settings import Settings
from talweg.recipes.language_settings import Settings as TextSettings
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
    (runs / "broken").mkdir()
    (runs / "broken" / "config.yaml").write_text("recipe: nothing\nsettings: {}\ninput: {}\n")
    return runs


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
    assert set(found) == {"lenet-digits", "gpt-text", "broken"}
    assert found["lenet-digits"]["predicts"]
    assert not found["lenet-digits"]["generates"]
    assert found["gpt-text"]["generates"]
    assert "prompt" in [o["name"] for o in found["gpt-text"]["options"]]
    assert "no recipe 'nothing'" in found["broken"]["fault"]


def test_the_page_and_its_files_come_with_a_policy(page):
    for name, kind in (("/", "text/html"), ("/app.js", "javascript"), ("/style.css", "text/css"), ("/icon.svg", "svg")):
        answer = page.get(name)
        assert answer.status_code == 200
        assert kind in answer.headers["content-type"]
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "Loss by epoch" in page.get("/api/runs/lenet-digits/report").text


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


@pytest.mark.parametrize(("address", "content", "status", "words"), [
    ("lenet-digits/predict", b"no image", 422, "image"), ("lenet-digits/activations", b"", 422, ""),
    ("nothing/predict", b"x", 404, "no run 'nothing'"), ("..%2fbroken/predict", b"x", 405, ""),
    ("broken/predict", b"x", 422, "no recipe"), ("lenet-digits/generate", b"{}", 422, "makes nothing new"),
    ("gpt-text/generate", b"[1]", 400, "JSON object"), ("gpt-text/generate", b'{"count": "many"}', 422, "whole number"),
    ("gpt-text/generate", b'{"color": 1}', 422, "no setting 'color'"),
    ("lenet-digits/predict", bytes(300_000), 413, "the most that is taken"),
])
def test_what_cannot_be_answered_is_told(page, address, content, status, words):
    answer = page.post(f"/api/runs/{address}", content=content)
    assert answer.status_code == status, answer.text
    assert words in answer.text
    assert "Traceback" not in answer.text


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
