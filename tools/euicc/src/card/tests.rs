//! The eUICC against a small SM-DP+ of its own making.
