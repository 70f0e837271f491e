"""Pieces of correct programs, as students write them, and whole programs that no combination of pieces gives.

Pieces are `string.Template` texts. What varies by storage and naming stands in them as placeholders: ``$W`` the
weights, ``$M`` the means, ``$Ck`` the covariance of component k, ``$K`` the number of components, ``$E`` and ``$MS``
the names of the two steps.
"""
