"""Reinforcement learning (N 3, N 9; L, the missing bits): tables, DQN, policy gradients and SAC on gymnasium's environments."""
