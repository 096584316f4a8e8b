"""Whisper's front end: log-mel spectrograms against openai-whisper, PyTorch's transform and closed forms (L 6.5)."""

import numpy as np
import openai_whisper
import pytest
import torch

from talweg.data.whisper_sound import framed, log_mel_spectrogram, slaney_filters

torch.set_num_threads(1)
TIME = np.arange(48_000) / 16_000


def sounds():
    random = np.random.default_rng(3)
    vowel = sum(np.sin(2 * np.pi * 120 * k * TIME) / k for k in range(1, 12)) * (0.6 + 0.4 * np.sin(9 * TIME))
    return {
        "noise": 0.1 * random.normal(size=len(TIME)), "vowel": 0.1 * vowel + 0.001 * random.normal(size=len(TIME)),
        "fading": 0.3 * random.normal(size=len(TIME)) * np.exp(-3 * TIME), "silence": np.zeros(len(TIME)),
        "short": 0.2 * random.normal(size=201), "odd": 0.2 * random.normal(size=16_777),
    }


@pytest.mark.parametrize("name", list(sounds()))
@pytest.mark.parametrize("bands", [80, 128])
def test_equals_openai_whisper(name, bands, monkeypatch):
    """Its own code, run in double precision: in single precision it is itself up to 1e-4 off where a sound has loud and faint
    parts at once, in a few places of the spectrogram."""
    audio = openai_whisper.part("audio")
    sound = sounds()[name].astype(np.float32)
    ours = log_mel_spectrogram(sound, bands)
    single = audio.log_mel_spectrogram(sound, bands).numpy()
    with np.load(openai_whisper.folder() / "assets" / "mel_filters.npz") as file:
        filters = torch.from_numpy(file[f"mel_{bands}"]).double()
    monkeypatch.setattr(audio, "mel_filters", lambda device, count: filters)
    torch.set_default_dtype(torch.float64)
    try:
        double = audio.log_mel_spectrogram(sound.astype(np.float64), bands).numpy()
    finally:
        torch.set_default_dtype(torch.float32)
    assert ours.shape == single.shape
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, double, atol=1e-6, rtol=0)
    assert np.mean(np.abs(ours - single) <= 1e-5) > 0.99
    np.testing.assert_allclose(ours, single, atol=2e-4, rtol=0)


def test_padding_is_silence_behind_the_sound():
    sound = sounds()["vowel"].astype(np.float32)
    theirs = openai_whisper.part("audio").log_mel_spectrogram(sound, padding=16_000).numpy()
    np.testing.assert_allclose(log_mel_spectrogram(sound, padding=16_000), theirs, atol=2e-4, rtol=0)


@pytest.mark.parametrize("bands", [80, 128])
def test_filters_are_those_that_whisper_comes_with(bands):
    with np.load(openai_whisper.folder() / "assets" / "mel_filters.npz") as file:
        np.testing.assert_allclose(slaney_filters(bands), file[f"mel_{bands}"], atol=1e-8)


@pytest.mark.parametrize("bands", [20, 40, 80])
def test_filters_are_triangles_of_area_one(bands):
    filters = slaney_filters(bands).astype(np.float64)
    assert filters.shape == (bands, 201)
    assert (filters >= 0).all()
    wide = filters[(filters > 0).sum(1) > 6]  # wide enough for a sum to be an area
    np.testing.assert_allclose(wide.sum(1) * 40, 1, rtol=0.05)
    peaks = filters.argmax(1)
    assert (np.diff(peaks) >= 0).all()


def test_mel_scale_is_even_below_a_kilohertz():
    """Neighbouring filters of the linear part are shifted copies: their peaks lie at equal distances in hertz."""
    centres = (slaney_filters(40) * np.arange(201)).sum(1) / slaney_filters(40).sum(1) * 40
    low = centres[centres < 900]
    assert np.ptp(np.diff(low)) < 25
    high = centres[centres > 1200]
    ratios = high[1:] / high[:-1]
    assert np.ptp(ratios) < 0.05


@pytest.mark.parametrize("sound", ["tone", *sounds()])
def test_equals_the_formula_in_double_precision(sound):
    """A pure tone too, where openai-whisper's float32 is 6e-5 off."""
    x = 0.3 * np.sin(2 * np.pi * 440 * TIME) if sound == "tone" else sounds()[sound]
    window = torch.hann_window(400, dtype=torch.float64)
    power = torch.stft(torch.from_numpy(x), 400, 160, window=window, return_complex=True)[:, :-1].abs() ** 2
    mel = torch.from_numpy(slaney_filters(80).astype(np.float64)) @ power
    logs = torch.clamp(mel, min=1e-10).log10()
    expected = (torch.maximum(logs, logs.max() - 8) + 4) / 4
    np.testing.assert_allclose(log_mel_spectrogram(x), expected, atol=1e-6)


def test_long_sounds_are_the_same_in_parts():
    sound = np.random.default_rng(0).normal(size=160 * 3100).astype(np.float32)
    whole = log_mel_spectrogram(sound)
    assert whole.shape == (80, 3100)
    head = log_mel_spectrogram(sound[:160 * 200])
    np.testing.assert_allclose(whole[:, 2:198], head[:, 2:198], atol=1e-6)


def test_framed_cuts_and_fills_up():
    values = np.arange(12, dtype=np.float32).reshape(2, 6)
    np.testing.assert_array_equal(framed(values, 1, 3), values[:, 1:4])
    np.testing.assert_array_equal(framed(values, 4, 4), [[4, 5, 0, 0], [10, 11, 0, 0]])
    assert framed(values, 9, 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("sound", [np.zeros((2, 500)), np.zeros(200), np.zeros(0), np.float32(1)])
def test_wrong_shapes_are_refused(sound):
    with pytest.raises(ValueError, match="log_mel_spectrogram: the sound must be"):
        log_mel_spectrogram(sound)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(value):
    sound = np.zeros(1000)
    sound[500] = value
    with pytest.raises(ValueError, match="not finite"):
        log_mel_spectrogram(sound)


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="bands must be 1 or more"):
        slaney_filters(0)
    with pytest.raises(ValueError, match="padding -1"):
        log_mel_spectrogram(np.zeros(1000), padding=-1)
