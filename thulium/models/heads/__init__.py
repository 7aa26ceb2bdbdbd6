"""Frames in the context of their line: a file for each kind of sequence model."""

from thulium.models.heads.bilstm import BiLstm
from thulium_dsl.spec import BilstmSpec

HEADS = {"bilstm": BiLstm}


def build(spec: BilstmSpec, in_features: int) -> BiLstm:
    """The head that a document asks for."""
    return HEADS[spec.type](in_features, hidden_size=spec.hidden_size, num_layers=spec.num_layers, dropout=spec.dropout)
