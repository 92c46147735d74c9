"""Made-up words: even, the same every time, told apart by the order of their vowels alone."""

from __future__ import annotations

import numpy as np
import torch

from hwcost.tasks import TASKS, Splits, task_named
from hwcost.tasks.tones import VOWELS, sounds


def test_words_are_even_and_none_is_another_ones_average() -> None:
    assert len({tuple(word) for word in VOWELS.tolist()}) == len(VOWELS) == 12
    bags = [tuple(sorted(word)) for word in VOWELS.tolist()]
    assert all(bags.count(bag) > 1 for bag in bags)
    _, words = sounds(1.0)
    assert set(np.bincount(words)) == {208, 209}


def test_sounds_are_one_second_and_as_noisy_as_asked() -> None:
    quiet, words = sounds(0.0)
    loud, again = sounds(2.0)
    assert quiet.shape == loud.shape == (2500, 8000)
    assert np.array_equal(words, again)
    added = (loud - quiet).std(axis=1)
    assert 0.55 < added.min() < 0.65
    assert 1.95 < added.max() < 2.05


def test_features_are_normalised_by_the_training_part() -> None:
    for name, axes in (("tones", (0, 1, 2)), ("tones-sequence", (0, 2))):
        splits = task_named(name).splits()
        inputs = splits.train.inputs[torch.arange(1500)]
        assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [1500, 500, 500]
        assert inputs.mean(axes).abs().max() < 1e-4
        assert (inputs.std(axes) - 1).abs().max() < 1e-3


def test_an_average_over_time_does_not_tell_words_apart() -> None:
    """A linear classifier of averages stays far below the networks, and well above chance only by the vowels that words have."""
    from sklearn.linear_model import RidgeClassifier

    splits: Splits = TASKS["tones-sequence"]().splits()
    train, test = (part.inputs[torch.arange(len(part))].mean(2).numpy() for part in (splits.train, splits.test))
    score = RidgeClassifier().fit(train, splits.train.labels.numpy()).score(test, splits.test.labels.numpy())
    assert 0.08 < score < 0.45
