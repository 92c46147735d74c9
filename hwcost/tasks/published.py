"""How the benchmark tasks were trained in the literature, so that a search can do the same."""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = (
    "Burrello et al., Enhancing Neural Architecture Search With Multiple Hardware Constraints for Deep Learning Model Deployment on "
    "Tiny IoT Devices, IEEE TETC 2023, doi 10.1109/TETC.2023.3322033, and the scripts published with it"
)


@dataclass(frozen=True, slots=True)
class PublishedSchedule:
    """Epochs of each phase and how weights were trained in them; `optimizer` and `decay` in words, because a search here uses Adam."""

    warmup_epochs: int
    search_epochs: int
    finetune_epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    decay: str
    weight_decay: float = 0.0
    patience: int = 20
    """Fine-tuning epochs without a better validation score after which it stops."""
    source: str = SOURCE

    def settings(self) -> dict[str, int | float]:
        """What of it the table [schedule] of a configuration can say."""
        return {
            "warmup_epochs": self.warmup_epochs,
            "search_epochs": self.search_epochs,
            "finetune_epochs": self.finetune_epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "weight_decay": self.weight_decay,
            "patience": self.patience,
        }
