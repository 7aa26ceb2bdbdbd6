"""Frames in the context of their line: a file for each kind of sequence model."""

from collections.abc import Callable
from typing import Any

from thulium.models.heads.bilstm import BiLstm
from thulium.models.heads.none import Identity
from thulium.models.heads.transformer import Transformer
from thulium_dsl.grammar.spec import BilstmSpec, HeadSpec, TransformerSpec

Head = BiLstm | Transformer | Identity


def _bilstm(spec: BilstmSpec, in_features: int) -> BiLstm:
    return BiLstm(in_features, hidden_size=spec.hidden_size, num_layers=spec.num_layers, dropout=spec.dropout)


def _transformer(spec: TransformerSpec, in_features: int) -> Transformer:
    return Transformer(
        in_features,
        hidden_size=spec.hidden_size,
        num_layers=spec.num_layers,
        num_heads=spec.num_heads,
        feedforward_size=spec.feedforward_size,
        dropout=spec.dropout,
    )


HEADS: dict[str, Callable[[Any, int], Head]] = {
    "bilstm": _bilstm,
    "transformer": _transformer,
    "none": lambda _spec, in_features: Identity(in_features),
}


def build(spec: HeadSpec, in_features: int) -> Head:
    """The head that a document asks for."""
    return HEADS[spec.type](spec, in_features)
