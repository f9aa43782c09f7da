"""The gateway for assistants (Model Context Protocol): reads of the published marts, explanations,
plans for people to approve. Off until a file of rules names who may call what."""
