"""The API types of `serving.lockstep.dev/v1alpha1`; the CRDs are generated from them."""
