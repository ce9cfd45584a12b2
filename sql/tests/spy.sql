-- What a hostile caller, mallory, hides in objects of his own: it raises wherever it does not run as he himself.
create function public.spy()
returns boolean
language plpgsql
as $$
begin
    if current_user <> 'mallory' then
        raise exception 'a function of the caller runs as %', current_user;
    end if;
    return true;
end
$$;
