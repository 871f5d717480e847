"""Files in int8: images to calibrate on, the libraries that quantize, and the gate that a file has to pass."""
