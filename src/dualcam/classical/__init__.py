"""The method without weights: refEC, refColor and refSR by hand."""
