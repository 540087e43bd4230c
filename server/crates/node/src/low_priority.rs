//! The lowest priority, for threads whose work may wait.

/// Gives this thread the lowest priority of the system. On Linux that is the policy `SCHED_IDLE`: it runs where no other
/// thread wants the processor, and leaves it at once to one that does, which a thread with a high nice value does not.
/// Elsewhere a priority is a process's, and nothing is changed.
pub fn lower_this_thread() {
    #[cfg(target_os = "linux")]
    {
        use thread_priority::unix::{
            NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
            thread_schedule_policy,
        };
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let set = set_thread_priority_and_policy(thread_native_id(), thread_priority::ThreadPriority::Min, idle);
        // Where the whole process has a low priority already, its nice value cannot be set as well. The policy counts.
        if let Err(error) = set
            && thread_schedule_policy().ok() != Some(idle)
        {
            tracing::warn!(?error, "a thread whose work may wait has the priority of all others");
        }
    }
}
