"""Benchmark tasks, one file each, and their reference networks.

    module = tasks.reference_network("resnet8")
    graph = hwcost.from_torch(module, module.example_input())
    digits = tasks.task_named("digits").splits()

Needs torch (the extra `nas`).
"""

from __future__ import annotations

from hwcost.tasks.anomaly_detection import DenseAutoencoder, ToyAdmos
from hwcost.tasks.digits import ColourDigits, Digits
from hwcost.tasks.folders import Archive, FolderTask
from hwcost.tasks.image_classification import Cifar10, ResNet8
from hwcost.tasks.keyword_spotting import DSCNN, SpeechCommands
from hwcost.tasks.published import PublishedSchedule
from hwcost.tasks.registry import REGISTRY, ReferenceNetwork, reference_network
from hwcost.tasks.task import TASKS, Examples, Inputs, Splits, Task, described, given_data, task_named
from hwcost.tasks.temporal import TemporalConvNet
from hwcost.tasks.tiny_imagenet import ResNet18, TinyImageNet
from hwcost.tasks.tones import Tones, ToneSequences
from hwcost.tasks.visual_wake_words import MobileNetV1, VisualWakeWords

__all__ = [
    "DSCNN",
    "REGISTRY",
    "TASKS",
    "Archive",
    "Cifar10",
    "ColourDigits",
    "DenseAutoencoder",
    "Digits",
    "Examples",
    "FolderTask",
    "Inputs",
    "MobileNetV1",
    "PublishedSchedule",
    "ReferenceNetwork",
    "ResNet8",
    "ResNet18",
    "SpeechCommands",
    "Splits",
    "Task",
    "TemporalConvNet",
    "TinyImageNet",
    "ToneSequences",
    "Tones",
    "ToyAdmos",
    "VisualWakeWords",
    "described",
    "given_data",
    "reference_network",
    "task_named",
]
