"""What the operator's gates need to know of the answers: times, distributions, recent answers.

Everything is bounded in memory, whatever clients send, and nothing of it is ever logged.
"""
