//! The five stages, the webhook door, and what keeps all running and stopping in order.
