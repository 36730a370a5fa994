"""The method with weights, without torch: what the networks are fed, ONNX Runtime, and the three hops."""
