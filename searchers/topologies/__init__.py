"""Rankings: how well one measure orders what another orders, and cell topologies ranked by training them."""
