"""Submissions that try to harm, to cheat or to spy, beside honest ones: what they must not bring about."""
