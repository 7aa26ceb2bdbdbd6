"""Learning: the loop, the schedule, what is kept of it."""

from thulium.training.checkpoints import CheckpointManager
from thulium.training.trainer import HTRTrainer

__all__ = ["CheckpointManager", "HTRTrainer"]
