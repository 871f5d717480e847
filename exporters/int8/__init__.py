"""Files in int8: images to calibrate on, the libraries that quantize, and the gate that a file has to pass.

Weights use seven of their eight bits, -64 to 64. Processors without VNNI (AVX2, the first with AVX-512) add two
products of a value in 0..255 and a weight in 16 bits, which saturate: with weights to 127 a file is right where it was
made and measured, and wrong by 13% to 15% on such a machine, in ONNX Runtime and in OpenVINO, without a word.
2 x 255 x 64 fits.
"""
