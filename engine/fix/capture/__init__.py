"""FIX messages found in logs and dumps, read and judged: what `rfqctl fix decode` is made of."""
