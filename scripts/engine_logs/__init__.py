"""Steps of serving engines, from the lines that they log for each iteration of each rank."""
