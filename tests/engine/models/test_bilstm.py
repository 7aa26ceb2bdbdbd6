"""The one call in which a GPU computes all layers of a BiLSTM, tried on the CPU."""

import pytest
import torch

from thulium.models.heads.bilstm import BiLstm, packing


def figures(head: BiLstm, x: torch.Tensor, lengths: torch.Tensor, *, is_packed: bool) -> list[torch.Tensor]:
    """The frames that count, and the gradients."""
    x = x.clone().requires_grad_()
    output = head.packed(x, lengths) if is_packed else head(x, lengths)
    seen = output[torch.arange(x.shape[1]) < lengths[:, None]]
    head.zero_grad()
    seen.square().sum().backward()
    return [seen.detach(), x.grad, *(parameter.grad for parameter in head.parameters())]


@pytest.mark.parametrize("lengths", [[7], [3, 7, 1, 7], [9, 9], [1, 2, 3]])
def test_packed_sequences_give_what_two_lstms_give(lengths):
    torch.manual_seed(1)
    head = BiLstm(5, hidden_size=6, num_layers=2, dropout=0.0)
    x, lengths = torch.randn(len(lengths), 9, 5), torch.tensor(lengths)
    ours, packed = (figures(head, x, lengths, is_packed=is_packed) for is_packed in (False, True))
    assert len(ours) == 2 + 2 * 2 * 4
    for one, other in zip(ours, packed, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_padding_does_not_reach_packed_sequences():
    torch.manual_seed(1)
    head, lengths = BiLstm(5, hidden_size=6, num_layers=2, dropout=0.0), torch.tensor([2, 4])
    x = torch.randn(2, 9, 5)
    other = torch.where((torch.arange(9) < lengths[:, None])[:, :, None], x, 7.0)
    assert torch.equal(head.packed(x, lengths), head.packed(other, lengths))


def test_sequences_are_packed_as_torch_packs_them():
    lengths = torch.tensor([3, 5, 1, 5, 2])
    rows = torch.arange(5 * 6).view(5, 6, 1)
    packed = torch.nn.utils.rnn.pack_padded_sequence(rows, lengths, batch_first=True, enforce_sorted=False)
    places, batch_sizes = packing(lengths, 6)
    assert torch.equal(batch_sizes, packed.batch_sizes)
    assert torch.equal(rows.flatten()[places].sort().values, packed.data.flatten().sort().values)


def test_dropout_leaves_something_out_while_learning_alone():
    torch.manual_seed(1)
    head, x, lengths = BiLstm(5, hidden_size=6, num_layers=2, dropout=0.5), torch.randn(2, 9, 5), torch.tensor([9, 4])
    assert not torch.equal(head.packed(x, lengths), head.packed(x, lengths))
    head.eval()
    assert torch.equal(head.packed(x, lengths), head.packed(x, lengths))
