"""Two LSTMs a layer give what torch's own over packed sequences gives."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from thulium.models.heads.bilstm import BiLstm


def packed(head: BiLstm, x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """What torch's own gives with the same weights, 0 in the padding."""
    theirs = nn.LSTM(x.shape[2], head.out_features // 2, len(head.forwards), batch_first=True, bidirectional=True)
    rows = zip(head.forwards, head.backwards, strict=True)
    weights = [weight for pair in rows for lstm in pair for weight in lstm.parameters()]
    for own, weight in zip(theirs.parameters(), weights, strict=True):
        own.data.copy_(weight)
    output, _ = theirs(pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False))
    return pad_packed_sequence(output, batch_first=True, total_length=x.shape[1])[0]


@pytest.mark.parametrize("lengths", [[7], [3, 7, 1, 7], [9, 9], [1, 2, 3]])
def test_two_lstms_a_layer_give_what_packed_sequences_give(lengths):
    torch.manual_seed(1)
    head = BiLstm(5, hidden_size=6, num_layers=2, dropout=0.0)
    x, lengths = torch.randn(len(lengths), 9, 5), torch.tensor(lengths)
    used = (torch.arange(9) < lengths[:, None])[:, :, None]
    torch.testing.assert_close(head(x, lengths) * used, packed(head, x, lengths), atol=1e-6, rtol=1e-4)


def test_padding_does_not_reach_the_frames_that_count():
    torch.manual_seed(1)
    head, lengths = BiLstm(5, hidden_size=6, num_layers=2, dropout=0.0), torch.tensor([2, 4])
    x, used = torch.randn(2, 9, 5), (torch.arange(9) < lengths[:, None])[:, :, None]
    scribbled = torch.where(used, x, 7.0)
    assert torch.equal(head(x, lengths) * used, head(scribbled, lengths) * used)


def test_dropout_leaves_something_out_while_learning_alone():
    torch.manual_seed(1)
    head, x, lengths = BiLstm(5, hidden_size=6, num_layers=2, dropout=0.5), torch.randn(2, 9, 5), torch.tensor([9, 4])
    assert not torch.equal(head(x, lengths), head(x, lengths))
    head.eval()
    assert torch.equal(head(x, lengths), head(x, lengths))
