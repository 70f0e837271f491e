"""Bytes that nobody should send, for everything of ours that reads what students made."""
