"""`octavo demo`: the product's first story, played on real processes, each step said in words and checked."""
