"""From the document's optimizer to torch's."""

from __future__ import annotations

from torch import nn, optim

from thulium_dsl.grammar.spec import AdamwSpec


def adamw(model: nn.Module, spec: AdamwSpec, lr: float) -> optim.Optimizer:
    """AdamW; only weight matrices and kernels decay, neither biases nor normalisation layers.

    Source: Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": spec.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    # One kernel for all parameters on a GPU; on a CPU, torch's own choice.
    return optim.AdamW(groups, lr=lr, fused=True if parameters and parameters[0].is_cuda else None)


OPTIMIZERS = {"adamw": adamw}


def build(model: nn.Module, spec: AdamwSpec, lr: float) -> optim.Optimizer:
    """The optimizer that a document asks for, with its learning rate at the peak."""
    return OPTIMIZERS[spec.type](model, spec, lr)
