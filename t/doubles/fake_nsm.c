
int  fake_nsm_placeholder;
