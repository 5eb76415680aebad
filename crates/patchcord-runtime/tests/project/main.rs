//! Tests of the patch file: what is wrong with bad ones, and what becomes of good ones in a network.

mod bad;
mod custom;
mod follow;
mod live;
mod new_project;
mod review;
mod types;
