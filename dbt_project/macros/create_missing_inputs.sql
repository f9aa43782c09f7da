{#-
    Tables that Python fills between or before builds exist from the first build on, empty: customer
    scores, the ledger, people's decisions, the recorded weeks, the records of the org that are
    proved gone, the vendors' control totals, and what a warehouse of an earlier version has not
    read yet. The mark of models that were built without dbt goes: from now on they may be others.
-#}
{% macro create_missing_inputs() -%}
    create schema if not exists matching;
    create schema if not exists raw_state;
    drop table if exists raw_state.kept_build;
    create schema if not exists raw_salesforce;
    create table if not exists raw_salesforce.deletion (
        org_id varchar,
        object varchar,
        id varchar,
        deleted_at timestamptz,
        proof varchar,
        undeleted boolean,
        loaded_at timestamptz
    );
    create table if not exists raw_salesforce.task (
        org_id varchar,
        id varchar,
        is_deleted boolean,
        what_id varchar,
        subject varchar,
        activity_date date,
        status varchar,
        priority varchar,
        owner_id varchar,
        description varchar,
        is_closed boolean
    );
    create table if not exists raw_salesforce.dated_conversion_rate (
        org_id varchar,
        id varchar,
        iso_code varchar,
        conversion_rate decimal(38, 10),
        start_date date,
        next_start_date date
    );
    create table if not exists matching.customer_scores (
        org_id varchar,
        account_id varchar,
        company_id varchar,
        customer_id varchar,
        match_weight double,
        match_probability double,
        evidence varchar,
        model_version varchar
    );
    create table if not exists raw_state.ledger (
        change_key varchar,
        flow varchar,
        company_id varchar,
        record_id varchar,
        plan_step integer,
        generation integer,
        request_id varchar,
        status varchar,
        action varchar,
        entity varchar,
        remote_id varchar,
        amount decimal(18, 2),
        currency_code varchar,
        intended_at timestamptz,
        finished_at timestamptz,
        vendor_message varchar,
        payload varchar,
        known_as_of timestamptz
    );
    alter table raw_state.ledger add column if not exists payload varchar;
    create table if not exists raw_state.match_decision (
        subject varchar,
        org_id varchar,
        left_id varchar,
        company_id varchar,
        right_id varchar,
        decision varchar,
        decided_by varchar,
        decided_at timestamptz,
        reason varchar,
        bulk_id varchar,
        role varchar,
        applies_to varchar,
        evidence varchar,
        number integer
    );
    create table if not exists raw_state.match_decision_period (
        subject varchar,
        org_id varchar,
        left_id varchar,
        company_id varchar,
        right_id varchar,
        decision varchar,
        decided_by varchar,
        decided_at timestamptz,
        reason varchar,
        bulk_id varchar,
        role varchar,
        applies_to varchar,
        evidence varchar,
        number integer,
        valid_from timestamptz,
        valid_to timestamptz,
        ended_how varchar,
        ended_by varchar,
        ended_reason varchar
    );
    create table if not exists raw_state.recorded_run (
        run_number integer,
        week varchar,
        as_of_at timestamptz,
        known_at timestamptz,
        recorded_at timestamptz,
        figures_hash varchar,
        rules_hash varchar,
        page_hash varchar,
        is_concluded boolean
    );
    create table if not exists raw_state.recorded_exception (
        run_number integer,
        exception_id varchar,
        mismatch_class varchar,
        company_id varchar,
        currency_code varchar,
        value_at_stake decimal(18, 2),
        is_material boolean,
        details varchar
    );
    create table if not exists raw_state.exception_event (
        event_number integer,
        exception_id varchar,
        event varchar,
        decided_by varchar,
        decided_at timestamptz,
        owner varchar,
        root_cause varchar,
        reason varchar,
        accepted_amount decimal(18, 2),
        accepted_until date
    );
    create table if not exists raw_state.sign_off (
        sign_off_number integer,
        week varchar,
        run_number integer,
        step varchar,
        signed_by varchar,
        signed_at timestamptz,
        note varchar
    );
    create schema if not exists raw_quickbooks;
    {%- for entity in ['class', 'department', 'deposit', 'exchange_rate'] %}
    create table if not exists raw_quickbooks.{{ entity }} (
        company_id varchar not null,
        id varchar not null,
        sync_token bigint,
        created_at timestamptz,
        last_updated_at timestamptz,
        payload varchar,
        extracted_at timestamptz,
        loaded_at timestamptz
    );
    {%- endfor %}
    create table if not exists raw_quickbooks.aged_receivables (
        company_id varchar not null,
        as_of_date date not null,
        customer_id varchar not null,
        customer_name varchar,
        current_amount decimal(38, 2),
        days_1_to_30 decimal(38, 2),
        days_31_to_60 decimal(38, 2),
        days_61_to_90 decimal(38, 2),
        days_91_and_over decimal(38, 2),
        total decimal(38, 2),
        currency_code varchar,
        asked_at timestamptz,
        loaded_at timestamptz
    );
    create table if not exists raw_quickbooks.transaction_list (
        company_id varchar not null,
        invoice_id varchar not null,
        invoice_date date,
        document_number varchar,
        customer_name varchar,
        amount decimal(38, 2),
        currency_code varchar,
        from_date date,
        to_date date,
        asked_at timestamptz,
        loaded_at timestamptz
    );
    {%- for system in ['salesforce', 'quickbooks'] %}
        create schema if not exists raw_{{ system }};
        create table if not exists raw_{{ system }}.control_total (
            run_id varchar,
            source_id varchar,
            object varchar,
            measure varchar,
            currency varchar,
            vendor_value decimal(38, 10),
            held_value decimal(38, 10),
            agrees boolean,
            asked_at timestamptz
        )
        {%- if not loop.last %};{% endif %}
    {%- endfor %}
{%- endmacro %}
