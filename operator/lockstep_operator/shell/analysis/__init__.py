"""What the gates need: gathered in parallel, within a time limit, and kept between two looks."""
