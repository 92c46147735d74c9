"""What is read of each official archive, checked against its files by other means."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hwcost.tasks import Splits, TinyImageNet, ToyAdmos, VisualWakeWords, task_named
from hwcost.tasks.anomaly_detection import area_under_curve
from hwcost.tasks.keyword_spotting import SHIFT, SILENCE, UNKNOWN, SpeechCommands
from tests.tasks.archives import WNIDS


def rows(tensor: torch.Tensor) -> set[bytes]:
    return {row.numpy().tobytes() for row in tensor}


def sizes(splits: Splits) -> list[int]:
    return [len(part) for part in (splits.train, splits.validation, splits.test)]


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")


def test_cifar10_is_a_label_and_three_planes(archives: Path) -> None:
    splits = task_named("cifar10", archives).splits()
    assert sizes(splits) == [80, 20, 20]
    data = (archives / "cifar-10-batches-bin" / "test_batch.bin").read_bytes()
    record = data[7 * 3073 : 8 * 3073]
    assert splits.test.labels[7] == record[0] == 7
    image = splits.test.inputs[torch.tensor([7])][0]
    assert int(image[0, 0, 0]) == record[1]
    assert int(image[1, 2, 3]) == record[1 + 1024 + 2 * 32 + 3]
    assert int(image[2, 31, 31]) == record[3072]
    assert image.dtype == torch.uint8


def test_cifar10_is_normalised_by_colour() -> None:
    image = torch.tensor([0, 255, 51], dtype=torch.uint8)[:, None, None].expand(1, 3, 32, 32)
    found = task_named("cifar10").prepared(image)[0, :, 0, 0]
    assert found.tolist() == pytest.approx([-0.4914 / 0.2470, (1 - 0.4822) / 0.2435, (0.2 - 0.4465) / 0.2616], rel=1e-5)


def test_an_augmented_image_is_a_moved_and_perhaps_mirrored_one() -> None:
    image = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    image[0, :, 10, 12] = 200
    task, random, places = task_named("cifar10"), torch.Generator().manual_seed(0), set()
    for _ in range(400):
        moved = task.augmented(image, random)
        ((_, _, down, right),) = (moved[:, :1] > 0).nonzero().tolist()
        assert moved.sum() == image.sum()
        places.add((down, right))
    assert {down for down, _ in places} == set(range(6, 15))
    assert {right for _, right in places} == set(range(8, 17)) | set(range(15, 24))


def test_visual_wake_words_keeps_the_first_tenth_of_each_folder_for_the_test(archives: Path) -> None:
    splits = VisualWakeWords(archives).splits()
    assert sizes(splits) == [21, 5, 4]
    assert splits.test.labels.tolist() == [0, 0, 1, 1]
    first = min((archives / "vw_coco2014_96" / "person").iterdir())
    expected = np.asarray(Image.open(first).convert("RGB")).transpose(2, 0, 1)
    assert np.array_equal(splits.test.inputs[torch.tensor([2])][0].numpy(), expected)


def test_tiny_imagenet_tests_on_what_is_annotated(archives: Path) -> None:
    splits = TinyImageNet(archives).splits()
    assert sizes(splits) == [33, 3, 6]
    assert splits.test.labels.tolist() == [0, 1, 2, 0, 1, 2]
    grey = Image.open(archives / "tiny-imagenet-200" / "train" / WNIDS[0] / "images" / f"{WNIDS[0]}_3.JPEG")
    assert grey.mode == "L"
    both = torch.cat([splits.train.inputs[torch.arange(33)], splits.validation.inputs[torch.arange(3)]])
    assert np.asarray(grey.convert("RGB")).transpose(2, 0, 1).tobytes() in rows(both)


def test_speech_commands_follows_the_lists(archives: Path) -> None:
    folder = archives / "speech_commands_v0.02"
    splits = SpeechCommands(archives).splits()
    # Ten words of eight files, two of them in each list; a tenth of silence and of other words.
    assert sizes(splits) == [40 + 4 + 4, 20 + 2 + 2, 20 + 2 + 2]
    for part, name in ((splits.validation, "validation_list.txt"), (splits.test, "testing_list.txt")):
        labels = part.labels.tolist()
        assert [labels.count(label) for label in range(12)] == [2] * 10 + [2, 2]
        listed = [line for line in (folder / name).read_text().split() if not line.startswith(("bed", "cat"))]
        held = part.inputs[torch.arange(len(part))].int()
        for line in listed:
            heard = samples(folder / line).astype(float)
            whole = torch.zeros(16_000)
            whole[: len(heard)] = torch.from_numpy(heard * 32767 / np.abs(heard).max())
            assert (held - whole).abs().amax(1).min() < 0.51


def test_silence_is_taken_from_parts_of_the_noise_that_do_not_overlap(archives: Path) -> None:
    splits = SpeechCommands(archives).splits()
    recordings = [samples(path) for path in sorted((archives / "speech_commands_v0.02" / "_background_noise_").glob("*.wav"))]
    for part, low, high in ((splits.train, 0, 0.8), (splits.validation, 0.8, 0.9), (splits.test, 0.9, 1)):
        (silent,) = (part.labels == SILENCE).nonzero().T
        for second in part.inputs[silent].numpy():
            places = [_found(second, recording) for recording in recordings]
            (place,) = [place / len(recordings[0]) for place in places if place is not None]
            assert low <= place
            assert place + 16_000 / len(recordings[0]) <= high + 1e-9
    assert (splits.train.labels == UNKNOWN).sum() == 4


def _found(second: np.ndarray, recording: np.ndarray) -> int | None:
    """Where a second, made loud, stands in a recording."""
    scores = np.correlate(recording.astype(float), second[:50].astype(float))
    norms = np.sqrt(np.convolve(recording.astype(float) ** 2, np.ones(50), "valid"))
    place = int(np.argmax(scores / norms))
    wanted = recording[place : place + 16_000].astype(float)
    return place if len(wanted) == 16_000 and np.corrcoef(wanted, second)[0, 1] > 0.999 else None


def test_a_moved_word_is_the_word_with_noise_below_a_tenth(archives: Path) -> None:
    task = SpeechCommands(archives)
    held = torch.zeros(40, 16_000, dtype=torch.int16)
    held[:, 8000] = 30_000
    moved = task.augmented(held, torch.Generator().manual_seed(0))
    peaks = moved.abs().argmax(1)
    assert ((peaks - 8000).abs() <= SHIFT).all()
    assert len(set(peaks.tolist())) > 20
    rest = moved.clone()
    rest[torch.arange(40), peaks] = 0
    clean = (rest == 0).all(1).sum()
    assert 2 <= clean <= 16
    assert rest.abs().max() <= 0.1 * task.background.abs().max() + 1


def test_windows_are_five_frames_behind_each_other(archives: Path) -> None:
    splits = ToyAdmos(archives).splits()
    assert sizes(splits) == [10 * 196, 2 * 196, 8 * 196]
    windows = splits.test.inputs
    assert windows.frames.shape == (8, 200, 128)
    for index in (0, 195, 196, 700, len(windows) - 1):
        recording, start = divmod(index, 196)
        expected = windows.frames[recording, start : start + 5].flatten()
        assert torch.equal(windows[torch.tensor([index])][0], expected)


def test_recordings_are_labelled_by_machine_number_and_fate(archives: Path) -> None:
    labels = ToyAdmos(archives).splits().test.labels[::196]
    assert labels.tolist() == [[1, 0, 1], [1, 1, 1], [2, 2, 1], [2, 3, 1], [1, 4, 0], [1, 5, 0], [2, 6, 0], [2, 7, 0]]


def test_the_area_is_averaged_over_machines_after_errors_over_recordings() -> None:
    # Machine 1: recordings of error 1 and 3 (whole), 2 (broken): one pair of two right. Machine 2: broken 5 above whole 4.
    labels = torch.tensor([[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 2, 1], [2, 3, 1], [2, 4, 0], [3, 5, 0]])
    errors = torch.tensor([0.0, 2.0, 3.0, 2.0, 5.0, 4.0, 9.0])
    task = task_named("toyadmos")
    assert task.score(errors, labels) == pytest.approx((0.5 + 1) / 2)
    assert task.score(errors[:3], labels[:3]) == pytest.approx(1 / (1 + 2))
    order = torch.randperm(7)
    assert task.score(errors[order], labels[order]) == pytest.approx(0.75)


def test_the_area_is_scikit_learns() -> None:
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(0)
    for _ in range(20):
        values, positive = random.integers(0, 8, 30) / 8, np.arange(30) % 3 == 0
        found = area_under_curve(torch.from_numpy(values), torch.from_numpy(positive))
        assert found == pytest.approx(roc_auc_score(positive, values))
