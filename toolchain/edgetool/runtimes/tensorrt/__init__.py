"""TensorRT on a Jetson, through the trtexec that JetPack brings: flags by version, one schema."""
