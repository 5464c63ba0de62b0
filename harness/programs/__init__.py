"""Programs in torch: build the network, run the steps, and compare each with what must hold."""
