"""Transactional producers: ids, epochs, transactions and their markers."""

from testkit.simulated.transactions.transactions import (
    Transactions,
    TransactionSettings,
)

__all__ = ["TransactionSettings", "Transactions"]
